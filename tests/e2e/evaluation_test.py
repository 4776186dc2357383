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

    def test_a_figure_names_its_data_and_rests_on_a_decision_that_everybody_comes_to(self):
        federation = self.found(SITES)
        federation.start_sites()
        federation.propose('measured', rounds=1)
        federation.complete('measured')
        for _ in range(2):  # what was decided once is not decided again
            with self.evaluation(federation, 'measured') as asked:
                said, why = asked.communicate(timeout=PATIENCE)
            self.assertEqual(asked.returncode, 0, said + why)
            self.measured(said, SITES)
        entries = federation.entries('aggregator')
        decided = {each['index']: each['event'] for each in entries
                   if each['type'] == 'evaluation-decided'}
        self.assertEqual(sorted((each['site'], each['admit']) for each in decided.values()),
                         [(site, True) for site in SITES])
        code = {each['event']['site']: each['event']['code'] for each in entries
                if each['type'] == 'contribution-submitted'}
        reported = [each['event'] for each in entries if each['type'] == 'evaluation-reported']
        self.assertEqual(sorted(each['site'] for each in reported), sorted(SITES * 2))
        for figure in reported:
            used, = figure['datasets']
            decision = decided[used['admission']]
            for field in ('site', 'model', 'run'):
                self.assertEqual(decision[field], figure[field])
            self.assertEqual((decision['dataset'], decision['version']),
                             (used['dataset'], used['version']))
            self.assertEqual(figure['code'], code[figure['site']])
            drawn = figure['interval']
            self.assertEqual(drawn['seed'], int(figure['model'][:12], 16))
            self.assertGreater(figure['sequences'], 1)
            self.assertGreater(drawn['draws'], 0)
            self.assertLess(drawn['low'], figure['nll'] / figure['bytes'])
            self.assertGreater(drawn['high'], figure['nll'] / figure['bytes'])
        again = [each for each in reported if each['site'] == 'north']
        self.assertEqual(again[0], again[1], 'the same sequences, the same draws')
        self.settle(federation, 'measured')
        self.shown(federation, [each['index'] for each in entries
                                if each['type'] == 'evaluation-reported'])

    def shown(self, federation, figures):
        """Each view of the record says what was measured on what, and what is withdrawn since."""
        desk = federation.officer('north')
        dure = federation.dure
        lineage = dure('model', 'lineage', 'measured', '--dir', desk)
        self.assertEqual([each['entry'] for each in lineage['figures']], figures)
        self.assertEqual(dure('run', 'record', 'measured', '--dir', desk)['figures'],
                         lineage['figures'])
        of_north = [each for each in lineage['figures'] if each['site'] == 'north']
        uses = dure('dataset', 'show', 'north', '--uses', '--dir', desk)
        self.assertEqual(uses['figures'], of_north)
        why = dure('why', str(of_north[0]['entry']), '--dir', desk)
        self.assertEqual((why['counts'], [each['replays'] for each in why['decisions']]),
                         (True, [True]))
        dure('export', 'model-card', 'measured', '--dir', desk, '--out', f'{self.folder}/card')
        said = federation.says('withdraw', 'file', 'north', '--scope', 'future-rounds', '--dir',
                               desk)
        for figure in of_north:
            self.assertIn(f'entry {figure["entry"]}: model', said)
        plan = dure('withdraw', 'plan', 'north', '--dir', desk)
        self.assertEqual([each['entry'] for each in plan['figures']],
                         [each['entry'] for each in of_north])
        for figure in plan['figures']:
            self.assertEqual(figure['datasets'][0]['withdrawn'], plan['withdrawn'])
        dure('export', 'model-card', 'measured', '--dir', desk, '--out', f'{self.folder}/card-2')
        cards = []
        for name in ('card', 'card-2'):
            with open(f'{self.folder}/{name}/README.md', encoding='utf-8') as card:
                cards.append(card.read())
        self.assertIn('| north | north v1 |', cards[0])
        self.assertIn('| north | north v1 (withdrawn) |', cards[1])
        self.assertIn('| south | south v1 |', cards[1])

    def test_data_withdrawn_while_it_is_measured_gives_no_figure(self):
        federation = self.found(SITES)
        desk = federation.officer('north')
        federation.start_sites()
        federation.propose('measured', rounds=1)
        federation.complete('measured')
        north = federation.sites['north']
        north.stop()
        north.start(stop_at='site.evaluated')
        with self.evaluation(federation, 'measured') as asked:
            north.wait_for_stop()
            federation.dure('withdraw', 'file', 'north', '--scope', 'future-rounds', '--ground',
                            'consent', '--dir', desk)
            north.go_on()
            said, why = asked.communicate(timeout=PATIENCE)
        answers = {each['site']: each.get('error', '') for each in json.loads(said)['results']}
        self.assertIn('measuring-refused', answers['north'], said + why)
        self.assertIn('P4.6', answers['north'])
        self.assertEqual(answers['south'], '')
        self.assertEqual([each['event']['site'] for each in federation.entries('aggregator')
                          if each['type'] == 'evaluation-reported'], ['south'])
        # Asked once more, it has nothing to measure on: its copy has the withdrawal.
        with self.evaluation(federation, 'measured') as asked:
            said, why = asked.communicate(timeout=PATIENCE)
        answers = {each['site']: each.get('error', '') for each in json.loads(said)['results']}
        self.assertIn('lends no data', answers['north'], said + why)
        self.assertEqual([each['event']['site'] for each in federation.entries('aggregator')
                          if each['type'] == 'evaluation-reported'], ['south'] * 2)
        federation.check_copies()

    def measured(self, said, sites):
        results = json.loads(said)['results']
        self.assertEqual([(each['site'], each.get('error')) for each in results],
                         [(site, None) for site in sites])

    def test_what_may_be_measured_and_what_is_lent_wait_until_an_entry_may_be_written(self):
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
            until(lambda: north.log_has('not decided yet'), 'nobody may say what north measures on')
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
