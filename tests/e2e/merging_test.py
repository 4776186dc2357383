"""Robust merging among real processes: a site that poisons what it trained is left out, by name.

    merging_test.py PROGRAMS [unittest arguments]

The site that attacks is dure-lying; everybody else is the product.
"""

import os
import shutil
import sys
import tempfile
import unittest

from federation import SMALL, Federation
from processes import until

PROGRAMS = ''
SITES = ['east', 'mid', 'north', 'south', 'west']
EVEN = 1 << 20


class MergingTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='dure-e2e-')
        cls.federation = Federation(PROGRAMS, cls.folder, SITES, model=SMALL)
        cls.federation.hold('mid')
        cls.federation.let_train('mid')
        cls.federation.start_sites()

    @classmethod
    def tearDownClass(cls):
        cls.federation.kill()
        shutil.rmtree(cls.folder)

    def run_to_its_end(self, run, merge):
        federation = self.federation
        federation.propose(run, masking='none', merge=merge)
        assert federation.show(run)['merge'] == merge
        federation.complete(run)
        closed = federation.check_run(run)
        federation.check_receipts(run, closed)
        for event in closed:
            assert event['merge'] == merge, event
        return closed

    def shares(self, event):
        return {each['site']: each['share'] for each in event['submissions']}

    def test_a_poisoning_site_is_left_out_and_its_neighbours_are_not(self):
        site = self.federation.sites['mid']
        told = f'{self.folder}/poisoned'
        site.stop()
        site.start(lie='poison:', told=told)
        for event in self.run_to_its_end('poisoned', 'multi-krum=1,2'):
            shares = self.shares(event)
            assert shares['mid'] == 0, shares
            assert sorted(shares.values()) == [0, 0, 0, 5 * EVEN // 2, 5 * EVEN // 2], shares
        assert os.path.exists(told), 'the site did poison what it trained'

        for event in self.run_to_its_end('shortened', 'norm-bound=1'):
            shares = self.shares(event)
            assert 0 < shares['mid'] < EVEN, shares
            assert shares['mid'] == min(shares.values()), shares
            assert max(shares.values()) == EVEN, shares
        site.stop()
        site.start()
        until(lambda: self.federation.show('shortened')['phase'] == 'ended', 'it is over')

    def test_a_site_that_submits_what_another_did_is_not_counted(self):
        federation = self.federation
        site = federation.sites['mid']
        told = f'{self.folder}/copied'
        site.stop()
        site.start(lie='copy:', told=told)
        federation.hold_again('mid')
        federation.propose('copied', rounds=200, masking='none', quorum=4, deadline_seconds=20)
        until(lambda: any(entry['type'] == 'contribution-submitted'
                          for entry in federation.entries('mid', 'copied')),
              'the site sees what another submitted')
        federation.let_train('mid')
        until(lambda: os.path.exists(told), 'it has taken that for its own')
        copied_by = federation.show('copied')['round']
        federation.watch('copied', lambda line: line['round'] > copied_by, 'its round closed')
        federation.dure('run', 'stop', '--dir', federation.consortium, 'copied')
        entries = federation.entries('aggregator', 'copied')
        said = [entry['event'] for entry in entries if entry['type'] == 'contribution-submitted']
        made = [event['contribution'] for event in said]
        assert len(made) == len(set(made)), said
        # It offered nothing of the kind, which is seen before the record is asked.
        assert not federation.aggregator.log_has('mid is not counted')
        left = [each for entry in entries if entry['type'] == 'round-closed'
                for each in entry['event']['excluded']]
        assert 'mid' in [each['site'] for each in left], left
        site.stop()
        site.start()
        until(lambda: federation.show('copied')['phase'] == 'ended', 'it is over')

    def test_the_median_tells_no_shares_and_every_site_derives_it(self):
        for event in self.run_to_its_end('by-median', 'median'):
            assert all('share' not in each for each in event['submissions']), event

    def test_a_rule_that_needs_single_updates_is_refused_with_masking(self):
        arguments = ['run', 'start', '--dir', self.federation.consortium, '--name', 'refused',
                     '--model', f'{self.folder}/model.json', '--quorum', '5']
        for site in SITES:
            arguments += ['--site', site]
        said = self.federation.fails(*arguments, '--merge', 'median', expect=1)
        assert 'masking hides those' in said and 'masking none' in said, said
        said = self.federation.fails(*arguments, '--masking', 'none', '--merge', 'krum=2', expect=1)
        assert '7 contributions or more' in said, said

    def test_direction_and_norm_are_averaged_where_everybody_sees_each(self):
        closed = self.run_to_its_end('directions-seen', 'direction-norm')
        weights = [each['weight'] for event in closed for each in event['submissions']]
        assert all(EVEN // 128 <= weight <= EVEN for weight in weights), weights
        assert min(weights) < EVEN, f'a longer update weighs less: {weights}'

    def test_direction_and_norm_are_averaged_under_masking(self):
        federation = self.federation
        federation.propose('directions', merge='direction-norm')
        federation.complete('directions')
        for event in federation.check_run('directions'):
            assert event['merge'] == 'direction-norm' and 'sums' in event, event
            assert 0 < event['sums']['weight'] < 5 * EVEN, event['sums']


if __name__ == '__main__':
    PROGRAMS = sys.argv.pop(1)
    unittest.main()
