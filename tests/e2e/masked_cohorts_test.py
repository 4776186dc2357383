"""Whom an aggregator has in a masked sum, and which update under which masks.

    masked_cohorts_test.py PROGRAMS [unittest arguments]

As in masked_attacks_test.py, dure-lying is the aggregator, with all of its keys.
"""

import sys
import unittest

from masked import LEAVES, LOOSE, MaskingTest
from processes import until


class MasksTest(MaskingTest):
    def test_masks_that_an_update_left_under_are_put_on_no_second_one(self):
        # Round 0 closes without north, whose masked update is here; round 1 opens no masking to it.
        run = 'unopened'
        self.lied('aggregator', 'unopened:north', run, **{**LOOSE, 'deadline_seconds': 10})
        until(lambda: self.said('north', run, f'{run}/1/0: encoding'), 'north has trained again')
        until(lambda: any(f' {run}/1/1: ' in line for line in self.lines('north', run)) or
              self.said('north', run, ': ended'), 'that attempt is over')
        left = [line for line in self.lines('north', run) if LEAVES in line]
        assert len(left) == 1 and f' {run}/0/0: ' in left[0], left
        self.honest('aggregator')
        federation = self.federation
        federation.dure('run', 'stop', '--dir', federation.consortium, run)
        federation.propose('opened')
        self.settle('opened')


class CombinationTest(MaskingTest):
    """Six sites, of which three make a sum."""

    sites = ['ash', 'birch', 'cedar', 'dogwood', 'elm', 'fir']

    def test_three_sums_that_together_show_one_site_are_refused_by_who_was_in_two_of_them(self):
        # Ash, birch and cedar; cedar, dogwood and elm; all but cedar: twice cedar's part is left.
        self.lied('aggregator', 'cohorts:', 'combined', sites=self.sites[:5], rounds=3, quorum=3,
                  deadline_seconds=10, join_seconds=30)
        for site in ('ash', 'birch', 'dogwood', 'elm'):
            until(lambda site=site: self.said(site, 'combined', 'REFUSE_MEMBERSHIP'),
                  f'{site} refuses')
        assert len(self.closings('combined')) == 2, 'the third sum shows cedar'

    def test_two_who_come_together_are_refused_where_one_of_them_may_help_the_aggregator(self):
        self.lied('aggregator', 'pair:', 'pair', sites=self.sites[:5], rounds=2, quorum=3,
                  deadline_seconds=10, join_seconds=30)
        for site in ('ash', 'birch', 'cedar'):
            until(lambda site=site: self.said(site, 'pair', 'REFUSE_MEMBERSHIP'),
                  f'{site} refuses')
            line = next(line for line in self.lines(site, 'pair') if 'REFUSE_MEMBERSHIP' in line)
            assert 'if the aggregator is helped by' in line and 'withstands 1' in line, line
        assert len(self.closings('pair')) == 1, 'the second sum shows dogwood to elm'

    def test_a_cohort_that_is_not_the_records_is_refused_by_all_that_are_in_it(self):
        # Two of the three may help the aggregator: then their sum is the third one's update.
        federation, sites = self.federation, self.sites[:5]
        self.lied('aggregator', 'few:', 'few', sites=sites, quorum=5)
        for site in sites[:3]:
            until(lambda site=site: self.said(site, 'few', 'REFUSE_COHORT'), f'{site} refuses')
        assert not any(self.said(site, 'few', LEAVES) for site in sites)
        assert federation.show('few')['withstands'] == 2
        self.honest('aggregator')
        line = federation.watch('few', lambda line: line.get('ended') or
                                line['phase'] == 'paused', 'it goes on')
        if not line.get('ended'):
            federation.dure('run', 'resume', '--dir', federation.consortium, 'few')
        federation.complete('few')
        assert all(len(event['submissions']) == 5 for event in federation.check_run('few', sites))

    def test_a_whole_batch_may_leave_and_a_part_of_one_may_not(self):
        # Of three that leave one may help the aggregator: two others are hidden by one another.
        federation = self.federation
        federation.propose('batches', rounds=4, steps=30, quorum=3, batch_members=3)
        federation.watch('batches', lambda line: line['round'] >= 1, 'round 1')
        # Whoever enrols meanwhile is in no batch of this run, though first by its name.
        federation.dure('site', 'enrol', federation.invite('aa'), '--dir', federation.home('aa'))
        federation.dure('site', 'leave', '--dir', federation.home('fir'), '--run', 'batches')
        until(lambda: any(entry['type'] == 'round-abandoned' and
                          entry['event']['reason'] in ('refuse-cohort', 'refuse-membership')
                          for entry in federation.entries('aggregator', 'batches')),
              'a part of a batch is no cohort')
        for site in ('dogwood', 'elm'):
            federation.dure('site', 'leave', '--dir', federation.home(site), '--run', 'batches')
        line = federation.watch('batches', lambda line: line.get('ended') or
                                line['phase'] == 'paused', 'the others go on')
        if not line.get('ended'):
            federation.dure('run', 'resume', '--dir', federation.consortium, 'batches')
        federation.complete('batches')
        closed = federation.check_run('batches', self.sites[:3])
        assert [len(event['submissions']) for event in closed][-1] == 3, closed
        assert {len(event['submissions']) for event in closed} == {3, 6}, closed


class TwoRunsTest(MaskingTest):
    """From one model, by one seed, sites make the same updates again: all four in the one run, and
    all but west in the other."""

    three = ['east', 'north', 'south']

    def refused_beside(self, other, run, **options):
        self.federation.propose(run, sites=self.three, rounds=1, **options)
        for site in self.three:
            until(lambda site=site: self.said(site, run, 'REFUSED: REFUSE_MEMBERSHIP'),
                  f'{site} refuses')
            line = next(line for line in self.lines(site, run) if 'REFUSE_MEMBERSHIP' in line)
            assert 'isolate west' in line and f'({other}): another --seed' in line, line
        line = self.federation.watch(run, lambda line: line.get('ended') or
                                     line['phase'] == 'paused', 'the run goes no further')
        assert not line.get('ended') and 'refuse-membership' in self.federation.show(run)['reason']
        assert not self.closings(run)
        assert not any(self.said(site, run, LEAVES) for site in self.three)

    def test_a_second_run_of_the_same_seed_without_one_site_is_refused_by_all_the_others(self):
        federation = self.federation
        federation.propose('first', rounds=1, seed=7)
        federation.complete('first')
        self.refused_beside('first', 'without-west', seed=7)
        # By default each run has a seed of its own; and the same sites show nobody.
        for run, options in (('anew', {}), ('again', {'seed': 7})):
            sites = None if options else self.three
            federation.propose(run, rounds=1, sites=sites or (), **options)
            federation.complete(run)
            federation.check_run(run, sites)
        seeds = [federation.show(run)['seed'] for run in ('first', 'again', 'anew')]
        assert seeds[:2] == [7, 7] and seeds[2] != 7, seeds

    def test_a_sum_that_was_released_and_not_recorded_counts_as_well(self):
        # West sent what no site could reach: all have shown what unmasks the sum, and the record
        # has none.
        self.lied('west', 'weight:', 'unsaid', rounds=1, seed=8, weighting='equal')
        until(lambda: self.federation.aggregator.log_has('the sum cannot be had'), 'it is refused')
        self.federation.dure('run', 'stop', '--dir', self.federation.consortium, 'unsaid')
        self.honest('west')
        self.honest('east')
        assert not self.closings('unsaid')
        self.refused_beside('unsaid', 'without-west-either', seed=8, weighting='equal')


if __name__ == '__main__':
    MaskingTest.programs = sys.argv.pop(1)
    unittest.main(verbosity=2)
