"""What the record says is what happens: withdrawals, refusals and votes between real processes.

    record_test.py PROGRAMS [unittest arguments]
"""

import glob
import json
import os
import shutil
import sys
import tempfile
import unittest

from federation import SMALL, Federation, terms_file
from processes import until

PROGRAMS = ''


class WithdrawalTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='dure-e2e-')
        self.addCleanup(shutil.rmtree, self.folder)

    def test_work_on_a_dataset_withdrawn_in_its_round_is_not_kept_for_the_next(self):
        federation = Federation(PROGRAMS, self.folder, ['north', 'south'], model=SMALL)
        self.addCleanup(federation.kill)
        desk = federation.officer('north')
        # South stands still while it trains and north contributes; then north's officer withdraws
        # its data.
        north, south = (federation.sites[site] for site in ('north', 'south'))
        north.start()
        south.start(stop_at='site.training:2')
        federation.propose('leaving', rounds=2, quorum=1, steps=60)
        south.wait_for_stop()
        until(lambda: any(entry['type'] == 'contribution-submitted'
                          and entry['event']['site'] == 'north'
                          for entry in federation.entries('aggregator', 'leaving')),
              'north has contributed')
        until(lambda: north.log_has('receipted'), 'north holds its receipt')
        federation.dure('withdraw', 'file', 'north', '--scope', 'future-rounds', '--ground',
                        'consent', '--dir', desk)
        south.go_on()
        federation.complete('leaving')
        closed = [entry['event'] for entry in federation.entries('aggregator', 'leaving')
                  if entry['type'] == 'round-closed']
        self.assertEqual([[each['site'] for each in event['submissions']] for event in closed],
                         [['south']] * 2)
        self.assertIn({'site': 'north', 'reason': 'dataset-withdrawn'}, closed[0]['excluded'])
        until(lambda: north.log_has('ended'), 'north knows the end')
        # Nothing of what was trained on it waits at the site to be contributed later.
        self.assertEqual(glob.glob(f'{federation.home("north")}/runs/leaving/residual*'), [])


class DisownTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='dure-e2e-')
        self.addCleanup(shutil.rmtree, self.folder)

    def test_a_round_does_not_wait_for_a_site_whose_key_its_member_ended(self):
        federation = Federation(PROGRAMS, self.folder, ['north', 'south'], model=SMALL)
        self.addCleanup(federation.kill)
        desk = federation.officer('north')
        # North stands still while it trains and south contributes; then north's officer ends the
        # key of north's site. The round would be open for an hour.
        north = federation.sites['north']
        north.start(stop_at='site.training:2')
        federation.sites['south'].start()
        federation.propose('leaving', rounds=1, quorum=1, steps=60, lost_seconds=3600)
        north.wait_for_stop()
        until(lambda: any(entry['type'] == 'contribution-submitted'
                          for entry in federation.entries('aggregator', 'leaving')),
              'south has contributed')
        keys = federation.dure('member', 'keys', 'north', '--dir', desk)['keys']
        key = next(each['key'] for each in keys if each['role'] == 'site')
        federation.dure('member', 'disown', key[:16], '--dir', desk)
        federation.complete('leaving')
        closed = [entry['event'] for entry in federation.entries('aggregator', 'leaving')
                  if entry['type'] == 'round-closed']
        self.assertEqual([each['site'] for each in closed[0]['submissions']], ['south'])
        self.assertEqual(closed[0]['excluded'], [{'site': 'north', 'reason': 'revoked'}])
        north.go_on()
        until(lambda: north.log_has('ended on the record'), 'north hears why it is out')


SITE_POLICY = '''site policy "Ours" ko "우리" version 1 effective 2026-09-01

rule S1 forbid train, evaluate
  title "Not for energy" ko "에너지에는 쓰지 않는다"
  when run.sector exists and run.sector is energy
  because "Run {run.id} is in the sector {run.sector}."
       ko "학습 {run.id}의 분야는 {run.sector}입니다."
end
'''


class SitePolicyTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='dure-e2e-')
        self.addCleanup(shutil.rmtree, self.folder)

    def test_a_sites_own_policy_narrows_what_the_consortium_permits(self):
        federation = Federation(PROGRAMS, self.folder, ['north', 'south'], model=SMALL)
        self.addCleanup(federation.kill)
        path = f'{self.folder}/own.policy'
        north = federation.sites['north']
        with open(path, 'w', encoding='utf-8') as file:
            file.write(SITE_POLICY.removeprefix('site '))
        self.assertIn('no site policy', federation.fails(
            *north.arguments, '--policy', path, expect=5))
        with open(path, 'w', encoding='utf-8') as file:
            file.write(SITE_POLICY)
        north.arguments += ['--policy', path]
        federation.start_sites()
        for run, sector, sites in (('grid', 'energy', ['south']),
                                   ('open', 'health', ['north', 'south'])):
            federation.propose(run, rounds=1, quorum=1, sector=sector)
            federation.complete(run)
            closed = federation.check_run(run, sites)
            self.assertEqual(sorted(each['site'] for each in closed[0]['submissions']), sites)
        self.assertTrue(north.log_has(
            'the own policy says no to north, S1: Run grid is in the sector'))
        decided = [each['event'] for each in federation.entries('aggregator', 'grid')
                   if each['type'] == 'admission-decided']
        self.assertEqual([each['site'] for each in decided], ['south'])
        for run, refused in (('grid', ['north']), ('open', [])):
            answers = federation.dure('model', 'evaluate', '--dir', federation.consortium, '--run',
                                      run)['results']
            why_not = {each['site']: each['error'] for each in answers if 'error' in each}
            self.assertEqual(list(why_not), refused)
            for why in why_not.values():
                self.assertIn("; north: the site's own rules refuse it (own-policy)", why)
                self.assertNotIn('energy', why)
            model = federation.show(run)['base']['model']
            measured = {each['event']['site'] for each in federation.entries('aggregator')
                        if each['type'] == 'evaluation-reported' and
                        each['event']['model'] == model}
            self.assertEqual(measured, {'north', 'south'} - set(refused))
        with open(north.log, encoding='utf-8') as file:
            self.assertRegex(file.read(),
                             r'evaluation \d+: the own policy says no to north, S1: Run grid')


class LendingTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='dure-e2e-')
        self.addCleanup(shutil.rmtree, self.folder)

    def test_a_dataset_added_by_command_is_offered_by_the_daemon_as_it_stands(self):
        federation = Federation(PROGRAMS, self.folder, ['north'], model=SMALL)
        self.addCleanup(federation.kill)
        add = ['dataset', 'add', '--dir', federation.home('north'), '--data',
               f'{self.folder}/north-data', '--terms', 'open']
        added = federation.dure(*add)
        self.assertEqual((added['dataset'], added['version']), ('north', 1))
        self.assertIsNone(federation.dure(*add)['entry'], 'said twice it stands once')
        with open(f'{self.folder}/north-data/more.txt', 'w', encoding='utf-8') as file:
            file.write('두레는 함께 짓는 농사입니다. ' * 20)
        other = federation.dure(*add)
        self.assertEqual(other['version'], 2, 'other data is not what the record describes')
        elsewhere = f'{self.folder}/elsewhere.txt'
        with open(elsewhere, 'w', encoding='utf-8') as file:
            file.write('울력은 함께 하는 일입니다. ' * 20)
        second = [*add[:5], elsewhere, *add[6:]]
        self.assertIn('--replace', federation.fails(*second, expect=1))
        self.assertIsNone(federation.dure(*add)['entry'])
        with open(f'{self.folder}/north-data/last.txt', 'w', encoding='utf-8') as file:
            file.write('품앗이는 서로 돕는 일입니다. ' * 20)
        federation.start_sites()
        federation.fails(*add, expect=1)  # the daemon has the pen
        federation.propose('first', rounds=1)
        federation.complete('first')
        registered = [each for each in federation.entries('aggregator')
                      if each['type'] == 'dataset-registered']
        self.assertEqual([each['index'] for each in registered],
                         [added['entry'], other['entry']])
        self.assertEqual(federation.sites['north'].log_count(
            'the data of north is not what the record describes'), 1)
        # The folder keeps others out; its files do so by themselves, too.
        for path in glob.glob(f"{federation.home('north')}/*/**", recursive=True):
            if os.path.isfile(path):
                self.assertEqual(os.stat(path).st_mode & 0o077, 0, path)

    def test_what_was_withdrawn_is_not_lent_again_under_its_name(self):
        federation = Federation(PROGRAMS, self.folder, ['north'], model=SMALL)
        self.addCleanup(federation.kill)
        add = ['dataset', 'add', '--dir', federation.home('north'), '--data',
               f'{self.folder}/north-data', '--terms', 'open']
        self.assertEqual(federation.dure(*add)['version'], 1)
        federation.dure('withdraw', 'file', 'north', '--scope', 'future-rounds', '--dir',
                        federation.officer('north'))
        self.assertIn('lend it under a new name', federation.fails(*add, expect=1))

    def test_what_cannot_be_read_or_is_another_members_is_not_put_on_record(self):
        federation = Federation(PROGRAMS, self.folder, ['north'], model=SMALL)
        self.addCleanup(federation.kill)
        old = f'{self.folder}/old.txt'
        with open(old, 'w', encoding='cp949') as file:
            file.write('두레는 함께 짓는 농사입니다. ' * 20)
        add = ['dataset', 'add', '--dir', federation.home('north'), '--terms']
        self.assertIn('iconv -f CP949', federation.fails(*add, 'open', '--data', old, expect=1))
        theirs = terms_file(f'{self.folder}/theirs.toml', 'south', 'theirs', 'open',
                            ['statistics'], 'CC0-1.0')
        refused = federation.fails(*add, theirs, '--data', f'{self.folder}/north-data', expect=1)
        self.assertIn(f'{theirs}: the terms say custodian', refused)
        self.assertIn('a site of north', refused)
        self.assertEqual([each for each in federation.entries('aggregator')
                          if each['type'] == 'dataset-registered'], [])
        unread = [*add, 'open', '--data', old, '--unread']
        self.assertIn('--tokenizer', federation.fails(*unread, '--tokenizer', 'bytes', expect=1))
        added = federation.dure(*unread)
        self.assertEqual((added['version'], added['tokens']), (1, None))

    def test_tokens_are_counted_where_a_tokenizer_is_given(self):
        federation = Federation(PROGRAMS, self.folder, ['north'], model=SMALL)
        self.addCleanup(federation.kill)
        text = f'{self.folder}/text.txt'
        with open(text, 'w', encoding='utf-8') as file:
            file.write('twelve bytes')
        added = federation.dure('dataset', 'add', '--dir', federation.home('north'), '--terms',
                                'open', '--data', text, '--tokenizer', 'bytes')
        registered = [each['event'] for each in federation.entries('aggregator')
                      if each['type'] == 'dataset-registered']
        passport = json.loads(registered[0]['passport'])
        self.assertEqual((passport['tokens'], passport['records']), (added['tokens'], 1))
        self.assertGreaterEqual(added['tokens'], 12)  # and what ends a document
        self.assert_counts_stay(federation, text, added['tokens'])

    def assert_counts_stay(self, federation, text, tokens):
        """What was counted of the same data once is not lost, and not asked for again."""
        add = ['dataset', 'add', '--dir', federation.home('north'), '--data', text, '--terms']
        again = federation.dure(*add, 'open')
        self.assertEqual((again['entry'], again['tokens']), (None, tokens))
        other = federation.dure(*add, 'research-only')
        self.assertEqual((other['version'], other['tokens']), (2, tokens))
        with open(text, 'a', encoding='utf-8') as file:
            file.write(', and more')
        uncounted = federation.dure(*add, 'research-only')
        self.assertEqual((uncounted['version'], uncounted['tokens']), (3, None))
        counted = federation.dure(*add, 'research-only', '--tokenizer', 'bytes')
        self.assertEqual(counted['version'], 4, 'the record did not know how many')
        self.assertGreater(counted['tokens'], tokens)


class RestoreTest(unittest.TestCase):
    """The drill of docs/how-to/operate.md: a backup is restored, and misses what came after it."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='dure-e2e-')
        self.addCleanup(shutil.rmtree, self.folder)

    @staticmethod
    def open_again(aggregator):
        """Starts it; its log takes entries when this returns."""
        before = aggregator.log_count('it is written to again')
        aggregator.start()
        until(lambda: aggregator.log_count('it is written to again') > before, 'the log opens')

    def test_a_run_that_was_open_at_the_backup_ends_and_the_next_one_runs(self):
        federation = Federation(PROGRAMS, self.folder, ['north', 'south'], model=SMALL)
        self.addCleanup(federation.kill)
        federation.start_sites()
        federation.propose('long', rounds=50, steps=20)
        federation.watch('long', lambda line: line['round'] >= 1, 'a round closed')
        federation.aggregator.stop()
        home, backup = federation.home('aggregator'), f'{self.folder}/backup'
        shutil.copytree(home, backup)
        federation.aggregator.start()
        federation.watch('long', lambda line: line['round'] >= 3, 'two more rounds closed')
        federation.aggregator.stop()
        shutil.rmtree(home)
        shutil.copytree(backup, home)
        # The copy that holds most: the aggregator may have stopped before the other had the rest.
        newest = max(federation.sites, key=lambda site: federation.dure(
            'ledger', 'head', '--dir', federation.home(site))['size'])
        federation.dure('ledger', 'heal', '--dir', home, '--from', federation.home(newest))
        federation.aggregator.start()
        self.assertTrue(federation.aggregator.log_has('long: ends here'), 'and says what to do')
        shown = federation.show('long')
        self.assertEqual((shown['phase'], shown['reason']), ('ended', 'restored-backup'))
        closed = [each['event'] for each in federation.entries('aggregator', 'long')
                  if each['type'] == 'round-closed']
        self.assertEqual(shown['base']['model'], closed[-1]['model'])
        until(lambda: [each for each in federation.entries('aggregator', 'long')
                       if each['type'] == 'run-halted'], 'the record says that it is over')
        for site in federation.sites.values():
            until(lambda site=site: site.log_has(': ended'),
                  lambda site=site: f'the site knows the end; {site.tail()}')
        federation.propose('next', rounds=1)
        federation.complete('next')
        federation.check_run('next')
        federation.check_copies()

    def test_an_aggregator_restored_from_a_backup_writes_nothing_until_it_is_healed(self):
        federation = Federation(PROGRAMS, self.folder, ['north', 'south'], model=SMALL)
        self.addCleanup(federation.kill)
        desk = federation.officer('north')
        federation.start_sites()
        federation.propose('first', rounds=1)
        federation.complete('first')
        federation.aggregator.stop()
        home, backup = federation.home('aggregator'), f'{self.folder}/backup'
        shutil.copytree(home, backup)
        self.open_again(federation.aggregator)
        federation.officer('east')  # a member of which the backup does not know
        federation.propose('second', rounds=1)
        federation.complete('second')
        until(lambda: federation.sites['north'].log_has('second/0/0: ended'), 'north knows the end')
        lost = federation.entries('north')
        federation.aggregator.stop()
        shutil.rmtree(home)
        shutil.copytree(backup, home)
        before = len(federation.entries('aggregator'))
        federation.aggregator.start()
        until(lambda: federation.aggregator.log_has('dure ledger heal'), 'the aggregator says so')
        # Not one entry more, whoever asks.
        self.assertIn('restored', federation.fails(
            'withdraw', 'file', 'north', '--scope', 'future-rounds', '--dir', desk, expect=3))
        federation.fails(*federation._proposal('third', rounds=1), expect=3)
        self.assertEqual(len(federation.entries('aggregator')), before)
        federation.aggregator.stop()
        healed = federation.dure('ledger', 'heal', '--dir', home, '--from',
                                 federation.home('north'))
        self.assertEqual((healed['before'], healed['after']), (before, len(lost)))
        self.open_again(federation.aggregator)
        shutil.rmtree(f'{self.folder}/east-desk')
        federation.officer('east')  # invited anew
        federation.propose('third', rounds=1)
        federation.complete('third')
        until(lambda: federation.sites['north'].log_has('third/0/0: ended'), 'north knows the end')
        whole = federation.entries('north')
        self.assertEqual([each['leaf'] for each in whole[:len(lost)]],
                         [each['leaf'] for each in lost])
        self.assertEqual([each['event']['member'] for each in whole
                          if each['type'] == 'member-described'].count('east'), 1)
        federation.check_copies()
        for site in federation.sites:
            self.assertFalse(federation.sites[site].log_has('(fork'), site)
            self.assertFalse(federation.sites[site].log_has('dissents from entry'), site)


if __name__ == '__main__':
    PROGRAMS = sys.argv.pop(1)
    unittest.main(verbosity=2)
