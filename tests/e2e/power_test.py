"""What a power cut may take of a site's folder: files that were not on the disk yet are gone, or
empty, after the restart.

    power_test.py PROGRAMS [unittest arguments]
"""

import glob
import os
import sys
import unittest

from life import LifeTest
from processes import until

TRIO = ['east', 'north', 'south']


class PowerTest(LifeTest):
    def test_a_receipt_that_was_cut_short_is_made_again(self):
        federation = self.found(TRIO[:2])
        federation.start_sites()
        north = federation.sites['north']
        north.stop()
        north.start(crash_at='site.aggregate-fetched')
        federation.propose('cut', rounds=1)
        north.wait_for_death()
        proofs = glob.glob(f'{federation.home("north")}/receipts/cut-*.tlog-proof')
        self.assertEqual(len(proofs), 1)
        os.truncate(proofs[0], 0)
        north.start()
        self.settle(federation, 'cut')

    def uncounted(self, federation, run):
        """North has trained round 0, which the others closed without it, and dies at the fold."""
        federation.start_sites()
        north = federation.sites['north']
        north.stop()
        north.start(crash_at='site.mid-upload:2')
        federation.propose(run, rounds=4, quorum=2, steps=20, lost_seconds=1, join_seconds=5)
        north.wait_for_death()
        federation.watch(run, lambda line: line['round'] >= 1, 'a round without north')
        federation.sites['south'].kill()  # no further round without north
        north.start(crash_at='site.before-fold')
        north.wait_for_death()
        return north

    def goes_on(self, federation, run):
        federation.watch(run, lambda line: any(
            each['site'] == 'north' and each['state'] in ('submitted', 'receipted')
            for each in line['sites']), 'north takes part again')
        federation.sites['south'].start()
        closed = self.settle(federation, run)
        self.assertNotIn('north', self.counted(closed[0]))
        self.assertIn('north', self.counted(closed[-1]))

    def test_a_training_result_that_is_gone_costs_its_round_alone(self):
        federation = self.found(TRIO)
        north = self.uncounted(federation, 'gone')
        os.remove(f'{federation.home("north")}/runs/gone/trained-0.safetensors')
        north.start()
        self.goes_on(federation, 'gone')
        self.assertTrue(north.log_has('LOST'))

    def test_what_no_round_needs_goes_although_the_aggregator_died_before_it_went(self):
        federation = self.found(TRIO[:2])
        federation.start_sites()
        aggregator = federation.aggregator
        aggregator.stop()
        aggregator.start(crash_at='aggregator.before-remove:2')
        with federation.proposing('swept', rounds=3) as proposal:
            aggregator.wait_for_death()
            proposal.wait()
        aggregator.start()
        closed = self.settle(federation, 'swept')
        gone = [closed[0]['aggregate'], *(
            entry['event']['contribution'] for entry in federation.entries('aggregator', 'swept')
            if entry['type'] == 'contribution-submitted')]
        for digest in gone:
            path = f'{federation.home("aggregator")}/blobs/blobs/{digest}'
            until(lambda path=path: not os.path.exists(path), f'{digest} is gone')

    def test_what_a_site_had_done_with_goes_when_it_starts_if_it_died_before_it_went(self):
        federation = self.found(TRIO[:2])
        federation.hold('east', 'north')
        federation.start_sites()
        east, north = (federation.sites[site] for site in TRIO[:2])
        # Without east there is no quorum: north has submitted when the operator stops the run.
        federation.propose('over', rounds=1)
        federation.training('over', 'north')
        east.kill()
        north.stop()
        federation.let_train('north')
        north.start(crash_at='site.before-drop')
        federation.watch('over', lambda line: any(
            each['site'] == 'north' and each['state'] in ('submitted', 'receipted')
            for each in line['sites']), 'north has submitted')
        federation.dure('run', 'stop', '--dir', federation.consortium, 'over')
        north.wait_for_death()
        home = federation.home('north')
        contribution, = (f'{home}/blobs/blobs/{entry["event"]["contribution"]}'
                         for entry in federation.entries('aggregator', 'over')
                         if entry['type'] == 'contribution-submitted')
        model = f'{home}/blobs/blobs/{federation.show("over")["base"]["model"]}'
        self.assertTrue(os.path.exists(contribution))
        self.assertTrue(glob.glob(f'{home}/runs/over/residual-*'))
        # And what nobody would ever ask for again, in part and whole.
        left = [f'{home}/blobs/spools/{"ab" * 32}.{part}' for part in ('part', 'bits', 'manifest')]
        left += [f'{home}/blobs/blobs/{"cd" * 32}{part}' for part in ('', '.manifest')]
        for path in left:
            with open(path, 'w', encoding='ascii') as file:
                file.write('left')
        north.start()
        until(lambda: not any(map(os.path.exists, left)), lambda: f'some of {left} is there')
        until(lambda: not os.path.exists(contribution)
              and not glob.glob(f'{home}/runs/over/residual-*')
              and not os.listdir(f'{home}/runs/over/seat'), 'what was made in it is gone')
        self.assertTrue(os.path.exists(model), 'and what came of it is there')
        self.assertTrue(os.path.exists(f'{home}/runs/over/given/config.json'))
        status = federation.dure('site', 'status', '--dir', home)
        self.assertGreaterEqual(status['store']['bytes'], os.path.getsize(model))


if __name__ == '__main__':
    PowerTest.programs = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
