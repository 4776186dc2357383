"""Models measured at the sites: deaths while they do so, and a record that takes no entry yet.

    evaluation_test.py PROGRAMS [unittest arguments]
"""

import contextlib
import json
import os
import subprocess
import sys
import unittest

from life import SITES, LifeTest
from processes import PATIENCE, until


class EvaluationTest(LifeTest):
    @contextlib.contextmanager
    def evaluation(self, federation, run, *options):
        with subprocess.Popen(
                [federation.programs.path('dure-crashing'), 'model', 'evaluate', '--dir',
                 federation.consortium, '--run', run, *options, '--json'],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as asked:
            try:
                yield asked
            finally:
                asked.kill()  # it would wait for an hour

    def test_site_killed_while_it_evaluates_answers_when_it_is_back(self):
        federation = self.found(SITES)
        federation.start_sites()
        federation.propose('measured', rounds=1)
        federation.complete('measured')
        north = federation.sites['north']
        for point in ('site.evaluated', 'site.evaluation-reported'):
            north.stop()
            north.start(crash_at=point)
            with self.evaluation(federation, 'measured') as asked:
                north.wait_for_death()
                north.start()
                said, why = asked.communicate(timeout=PATIENCE)
            self.assertEqual(asked.returncode, 0, said + why)
            self.measured(said, SITES)
        self.settle(federation, 'measured')

    def measured(self, said, sites):
        results = json.loads(said)['results']
        self.assertEqual([(each['site'], each.get('error')) for each in results],
                         [(site, None) for site in sites])

    def test_what_was_measured_and_what_is_lent_wait_until_an_entry_may_be_written(self):
        federation = self.found([*SITES, 'west'])
        federation.start_sites(*SITES)
        federation.propose('measured', rounds=1, quorum=2, join_seconds=1)
        self.settle(federation, 'measured', SITES)  # both co-sign what is there
        federation.stop()
        # An aggregator that has just started writes nothing until south has shown what it holds.
        federation.aggregator.start()
        north, west = (federation.sites[site] for site in ('north', 'west'))
        north.start()
        west.start(passed=(passed := f'{self.folder}/passed'))  # what it lends is on no record yet
        with self.evaluation(federation, 'measured') as asked:
            until(lambda: north.log_has('not reported yet'), 'north cannot say what it measured')
            until(lambda: self.passes(passed, 'site.evaluation-waits'), 'west cannot lend yet')
            federation.sites['south'].start()
            said, why = asked.communicate(timeout=PATIENCE)
        self.assertEqual(asked.returncode, 0, said + why)
        self.measured(said, [*SITES, 'west'])
        reported = [each['event']['site'] for each in federation.entries('aggregator')
                    if each['type'] == 'evaluation-reported']
        self.assertEqual(sorted(reported), [*SITES, 'west'])

    def test_a_model_that_was_fetched_to_be_measured_is_removed_afterwards(self):
        federation = self.found(SITES)
        federation.start_sites()
        federation.propose('measured', rounds=3)
        federation.complete('measured')
        former, _, current = (entry['event']['model']
                           for entry in federation.entries('aggregator', 'measured')
                           if entry['type'] == 'round-closed')
        north = federation.sites['north']

        def holds(model):
            return os.path.exists(f'{federation.home("north")}/blobs/blobs/{model}')
        until(lambda: not holds(former), lambda: 'north keeps the model of the first round')
        north.stop()
        north.start(crash_at='site.evaluation-reported')
        with self.evaluation(federation, 'measured', '--model', former) as asked:
            north.wait_for_death()
            self.assertTrue(holds(former), 'it was fetched')
            north.start()
            said, why = asked.communicate(timeout=PATIENCE)
        self.assertEqual(asked.returncode, 0, said + why)
        with self.evaluation(federation, 'measured') as asked:
            said, why = asked.communicate(timeout=PATIENCE)
        self.assertEqual(asked.returncode, 0, said + why)
        until(lambda: not holds(former), lambda: 'a measured model stays on the disk')
        self.assertTrue(holds(current), 'the model that north works with')
        self.settle(federation, 'measured')

    def test_aggregator_killed_while_sites_report_can_be_asked_again(self):
        federation = self.found(SITES)
        federation.start_sites()
        federation.propose('measured', rounds=1)
        federation.complete('measured')
        federation.aggregator.stop()
        federation.aggregator.start(crash_at='aggregator.evaluation-appended')
        with self.evaluation(federation, 'measured') as asked:
            federation.aggregator.wait_for_death()
            federation.aggregator.start()
            asked.communicate(timeout=PATIENCE)
        with self.evaluation(federation, 'measured') as asked:
            said, why = asked.communicate(timeout=PATIENCE)
        self.assertEqual(asked.returncode, 0, said + why)
        self.settle(federation, 'measured')


if __name__ == '__main__':
    LifeTest.programs = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
