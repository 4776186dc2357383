"""Lies about what is summed in masked rounds, and about the sum.

    masked_sums_test.py PROGRAMS [unittest arguments]

As in masked_attacks_test.py, dure-lying tells one lie, under its own key; everybody else is the
product. Under masking nobody sees which site it was: what must hold is that no such sum becomes a
model, and that everybody says why.
"""

import re
import sys
import unittest

from masked import SITES, MaskingTest
from processes import until

EQUAL = {'weighting': 'equal'}
REFUSED = 'masking: REFUSED: REFUSE_AGGREGATE'


class LyingSiteTest(MaskingTest):
    """West masks a weight below zero, so that the mean is divided by far too little."""

    def test_weights_of_sites_that_all_weigh_the_same_have_one_sum(self):
        self.too_light('even', 'sites of this run weigh 4194304', **EQUAL)

    def test_lanes_are_not_beyond_the_sum_of_their_weights(self):
        self.too_light('by-tokens', 'a sum is beyond what its sites can reach')

    def too_light(self, run, why, **options):
        self.lied('west', 'weight:', run, **options)
        until(lambda: re.search(rf'{run}/0/\d+: masking: the sum cannot be had: .*{why}',
                                self.federation.aggregator.tail(10**6)), 'the aggregator refuses')
        self.honest('west')
        closed = self.settle(run)
        for event in closed:
            most = len(event['submissions']) << 20  # by tokens, a site may have a few less
            weight = event['sums']['weight']
            assert most * (0.9 if not options else 1) <= weight <= most, event['sums']
        self.assertIn('refuse-aggregate', self.given_up(run))

    def given_up(self, run):
        return {entry['event']['reason'] for entry in self.federation.entries('aggregator', run)
                if entry['type'] == 'round-abandoned'}

    def test_an_aggregator_that_takes_such_a_sum_is_followed_by_nobody(self):
        for run, options in (('even-taken', EQUAL), ('by-tokens-taken', {})):
            self.arm('west', lie='weight:', told=f'{self.folder}/{run}-weight.told')
            self.lied('aggregator', 'takes-cut:', run, **options)
            for site in SITES[:3]:
                until(lambda site=site, run=run: self.said(site, run, REFUSED), f'{site} refuses')
            assert not self.closings(run), 'it became a model'
            self.honest('aggregator')
            self.honest('west')
            self.settle(run)


class MalformedSumTest(MaskingTest):
    def test_planes_that_are_none_are_refused_by_every_site(self):
        self.lied('aggregator', 'planes:', 'stretched')
        for site in SITES:
            until(lambda site=site: self.said(site, 'stretched', REFUSED), f'{site} refuses')
        assert not self.closings('stretched'), 'it became a model'
        self.honest('aggregator')
        self.settle('stretched')

    def test_a_site_that_lost_what_it_would_check_by_says_so_and_the_round_is_tried_again(self):
        # As after a power cut: what is not durable is gone.
        self.lied('west', 'no-lanes:', 'lost-lanes', deadline_seconds=120)
        self.settle('lost-lanes')
        assert self.said('west', 'lost-lanes', f'{REFUSED}: what this site sent is not kept here')
        self.honest('west')


def load_tests(loader, _, __):
    suite = unittest.TestSuite()
    for case in (LyingSiteTest, MalformedSumTest):
        suite.addTests(loader.loadTestsFromTestCase(case))
    return suite


if __name__ == '__main__':
    MaskingTest.programs = sys.argv.pop(1)
    unittest.main(verbosity=2)
