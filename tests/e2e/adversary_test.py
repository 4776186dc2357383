"""An aggregator that lies: real, unmodified sites and officers must notice, and name what was done.

    adversary_test.py PROGRAMS [unittest arguments]

`dure-forging` (tests/adversary) is the aggregator with a forged log; it holds the log's and the
aggregator's keys and commits one act when a file appears. What was done is known here from the
act's name; what is asserted is what the sites say, keep and no longer do.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import threading
import unittest

from adversary import LiedToTest, SITES
from federation import terms_file
from processes import Clock, until


class AdversaryTest(LiedToTest):
    """Each test is one lie."""

    def test_an_entry_is_rewritten(self):
        self.forge('rewrite')
        self.training('second')
        self.act()
        self.named('fork', 'run-proposed', 'was rewritten')

    def test_an_entry_is_dropped(self):
        self.forge('drop')
        self.training('second')
        self.act()
        self.named('fork', 'contribution-submitted', 'was dropped')

    def test_two_entries_change_places(self):
        self.forge('reorder')
        self.training('second')
        self.act()
        self.named('fork', 'contribution-submitted', 'changed places')

    def test_an_entry_is_backdated(self):
        self.forge('backdate')
        self.training('second')
        self.act()
        self.named('dissents from entry', 'backdated')

    def test_the_aggregators_clock_runs_ahead_so_that_a_vote_is_over(self):
        clock = Clock(f'{self.folder}/now/clock')
        os.environ['DURE_CLOCK'] = clock.path
        self.addCleanup(os.environ.pop, 'DURE_CLOCK')
        self.forge('postdate')
        self.propose_house_rules()
        self.training('second')
        self.act()
        for site in ('north', 'south'):
            daemon = self.all.sites[site]
            until(lambda d=daemon: d.log_has("This machine's clock may be the wrong one"), site)
            self.assertFalse(glob.glob(f'{self.all.home(site)}/evidence/*'), 'not yet')
        clock.jump(360, slept=360)  # and nobody set it
        self.named('dissents from entry', 'clock: the aggregator says that it is')
        # No replay comes to that entry again, but a site that starts anew knows it still.
        north = self.all.sites['north']
        entry = re.search(r'dissents from entry \d+', north.tail(100000))[0]
        north.stop()
        self.addCleanup(setattr, north, 'log', north.log)
        north.log = f'{self.folder}/now/north-again.log'
        north.start()
        self.said(f'{entry} ', 'clock: the aggregator says that it is', sites=['north'])

    def test_the_outcome_of_a_vote_is_never_recorded(self):
        self.forge('unsettled')
        desks = [self.desk, self.all.officer('south'), self.all.officer('east')]
        proposed = self.propose_house_rules()
        self.training('second')
        self.act()
        for desk in desks:
            self.all.dure('vote', proposed, 'yes', '--dir', desk)
        # A round waits for whoever dissents first; another run has the others read on.
        self.all.propose('after', rounds=1, quorum=2)
        self.said('dissents from entry', 'outcome-overdue', sites=('north', 'south'))
        lied = int(re.search(r'lied at entry (\d+)', self.all.aggregator.tail(100000))[1])
        for site in ('north', 'south'):
            self.assertLessEqual(self.cosigned(site), lied, site)

    def test_a_key_of_the_aggregators_speaks_for_a_member(self):
        self.forge('impersonate')
        proposed = self.propose_house_rules()
        self.training('second')
        self.act()
        daemon = self.all.sites['north']
        until(lambda: daemon.log_has('speak for north, as officer second-desk'),
              lambda: f'its own site says so: {daemon.tail(4000)}')

        def forged():
            listed = self.all.dure('member', 'keys', 'north', '--dir', self.desk)['keys']
            return next(key for key in listed if key['name'] == 'second-desk')
        self.assertFalse(forged()['ended'])

        def votes():
            return self.all.dure('tally', proposed, '--dir', self.desk)['proposals'][0]['votes']
        self.assertEqual({'north': 'yes'}, votes())
        self.assertIn('voted-twice', self.all.fails('vote', proposed, 'no', '--dir', self.desk,
                                                    expect=1))
        self.all.dure('member', 'disown', forged()['key'][:16], '--dir', self.desk)
        self.assertTrue(forged()['ended'])
        until(lambda: daemon.log_has('of north, as officer second-desk'),
              lambda: f'its site says that, too: {daemon.tail(4000)}')
        # Its vote is none, and the officer's own counts.
        self.assertEqual({}, votes())
        self.all.dure('vote', proposed, 'no', '--dir', self.desk)
        self.assertEqual({'north': 'no'}, votes())
        # North's rounds go on to be counted without it, and the record holds.
        last = self.all.watch('second', lambda line: line['round'] >= 1, 'a round closed')
        self.all.watch('second', lambda line: line['round'] > last['round'], 'another closed')
        self.assertFalse(daemon.log_has('dissents from entry'), daemon.tail(4000))

    def nothing_leaves(self, act, code, text):
        """A run of which the record lacks something: sites say what, and train and send nothing."""
        self.forge(act)
        self.act()
        self.all.propose('second', rounds=2, quorum=2, steps=2)
        store = f'{self.all.consortium}/aggregator/blobs/**'
        held = set(glob.glob(store, recursive=True))
        for site in SITES:
            daemon = self.all.sites[site]
            until(lambda d=daemon: d.log_has(f'second/0/0: idle ({code})')
                  and d.log_has(f'second/0/0: REFUSED: nothing is trained: {text}'),
                  lambda d=daemon: f'it says {d.tail(4000)}')
            for phase in ('training', 'uploading'):
                self.assertFalse(daemon.log_has(f'second/0/0: {phase}'), daemon.tail(4000))
        self.assertEqual(held, set(glob.glob(store, recursive=True)))

    def test_a_run_that_no_entry_approves_trains_nothing(self):
        self.nothing_leaves('silent', 'run-not-approved', 'no entry approves the run')

    def test_what_no_entry_admits_is_not_trained_on(self):
        self.nothing_leaves('unadmitted', 'not-admitted', 'entry 1 does not admit')

    def test_a_run_that_is_recorded_as_masked_and_is_not_trains_nothing(self):
        self.nothing_leaves('mislabel', 'run-not-as-recorded',
                            'its entry says masking pairwise, and it is none')

    def test_an_old_entry_is_replayed(self):
        self.forge('replay')
        self.training('second')
        self.act()
        self.named('actor-chain-broken', 'contribution-submitted')

    def test_a_tally_is_forged(self):
        self.forge('tally')
        self.propose_house_rules()
        self.training('second')
        self.act()
        self.named('dissents from entry', 'policy-adopted', 'nothing is due on this proposal')

    def test_what_the_policy_denies_is_admitted(self):
        self.forge('admit')
        self.act()
        self.all.propose('product', rounds=5, quorum=2, purpose='commercial-service',
                         beneficiary='for-profit')
        self.named('dissents from entry', 'admission-decided', 'decision-differs', sites=SITES)
        kept = [each for each in self.all.dure('ledger', 'dissent', '--dir',
                                               self.all.home('north'))['evidence']
                if 'dissent-' in each['file']]
        self.assertEqual([(each['site'], each['type'], each['rule']) for each in kept],
                         [('north', 'admission-decided', 'decision-differs')])
        for language, says in (('en', 'north signed of trial/log, with key '),
                               ('ko', 'north의 서명(')):
            self.assertIn(says, self.all.says('ledger', 'dissent', '--dir', self.all.home('north'),
                                              '--lang', language))
        # An officer still reads the record, and may write nothing on top of it.
        listed = self.all.dure('member', 'list', '--dir', self.desk)['members']
        self.assertEqual(sorted(SITES), sorted(m['member'] for m in listed if m['sites']))
        refused = self.all.fails('member', 'suspend', 'south', '--dir', self.desk, expect=3)
        self.assertIn('decision-differs', str(refused))

    def test_a_model_is_let_be_measured_where_the_terms_forbid_it(self):
        self.forge('measure')
        east = self.all.sites['east']
        east.stop()
        terms = terms_file(f'{self.folder}/now/silent.toml', 'east', 'east', 'open',
                           ['scientific-research'], 'CC-BY-4.0')
        with open(terms, encoding='utf-8') as file:
            text = file.read()
        with open(terms, 'w', encoding='utf-8') as file:
            other = text.replace('publish-metrics = "allow"', 'publish-metrics = "deny"')
            file.write(other.replace('version = 1\n', 'version = 2\n'))
        place = east.arguments.index('--terms') + 1
        self.addCleanup(east.arguments.__setitem__, place, east.arguments[place])
        east.arguments[place] = terms
        east.start()
        until(lambda: [each for each in self.all.entries('north')
                       if each['type'] == 'dataset-registered' and each['event']['site'] == 'east'
                       and each['event']['version'] == 2], 'east lends on other terms')
        self.training('second')
        self.act()
        asking = subprocess.Popen([self.all.programs.path('dure-crashing'), 'model', 'evaluate',
                                   '--dir', self.all.consortium, '--run', 'second', '--json'],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(asking.wait)
        self.addCleanup(asking.kill)  # who lies has no answer for it
        self.named('dissents from entry', 'evaluation-decided', 'decision-differs', sites=SITES)
        self.assertTrue(all(self.all.sites[site].log_has('terms:east#actions.publish-metrics')
                            for site in SITES))

    def test_a_sentence_is_altered_and_said_to_be_in_older_words(self):
        self.forge('reword')
        self.training('second')
        self.act()
        self.named('dissents from entry', 'admission-decided', 'words-went-back')

    def test_a_weight_is_changed_silently(self):
        self.forge('weight')
        self.training('second')
        self.act()
        self.named('rule-broken', 'round-closed', 'with weight')

    def test_a_void_contribution_is_counted(self):
        self.forge('void', colluder='east')
        self.training('second', deadline_seconds=5)  # the honest part waits in vain for another
        self.act()
        self.named('dissents from entry', 'round-closed', 'counts-void')

    def test_one_contribution_is_counted_under_the_names_of_two_sites(self):
        self.forge('twice', colluder='east')
        self.training('second', deadline_seconds=5)  # as above
        self.act()
        self.named('dissents from entry', 'round-closed', 'counts-twice')

    def test_a_round_opens_with_data_that_was_withdrawn_since_it_was_admitted(self):
        self.forge('over', colluder='east')
        self.training('second')
        self.act()
        self.named('dissents from entry', 'round-opened', 'admission-over')

    def test_a_model_that_no_round_made_is_let_be_used(self):
        self.forge('grant-unknown')
        self.training('second')
        self.act()
        self.named('dissents from entry', 'grant-decided', 'unknown-model')

    def test_weights_that_no_round_made_are_let_be_measured(self):
        self.forge('measure-unknown')
        self.training('second')
        self.act()
        self.named('dissents from entry', 'evaluation-decided', 'unknown-model')

    def forge_and_hold_south(self, act):
        """South will stand still while it trains, until its daemon, returned here, goes on."""
        self.forge(act, 'east', 'north')
        south = self.all.sites['south']
        south.start(stop_at='site.training:2')
        return south

    def test_a_contribution_on_withdrawn_data_is_counted(self):
        south = self.forge_and_hold_south('withdrawn')
        self.all.propose('second', rounds=200, quorum=2, steps=60)
        # South stands still while north contributes; then north's officer withdraws its data.
        south.wait_for_stop()
        until(lambda: self.all.sites['north'].log_has('second/0/0: receipted'), 'north gave')
        self.act()
        self.all.dure('withdraw', 'file', 'north', '--scope', 'future-rounds', '--ground',
                      'consent', '--dir', self.desk)
        south.go_on()
        self.named('dissents from entry', 'round-closed', 'counts-withdrawn')

    def test_a_round_starts_from_another_model(self):
        self.forge('base')
        self.training('second')
        self.act()
        self.named('dissents from entry', 'round-opened', 'other-base')

    def test_an_honest_round_closes_without_what_is_withdrawn_as_its_last_contribution_comes(self):
        south = self.forge_and_hold_south('slow')
        self.all.propose('second', rounds=2, quorum=2, steps=60)
        south.wait_for_stop()
        for site in ('east', 'north'):
            until(lambda site=site: self.all.sites[site].log_has('second/0/0: receipted'),
                  f'{site} gave')
        withdrawing = threading.Thread(target=self.all.dure, args=(
            'withdraw', 'file', 'north', '--scope', 'future-rounds', '--ground', 'consent',
            '--dir', self.desk))
        withdrawing.start()
        self.addCleanup(withdrawing.join)
        until(lambda: self.all.aggregator.log_has('a withdrawal waits'), 'it is on its way')
        south.go_on()
        self.all.complete('second')
        for site in SITES:
            self.assertFalse(self.all.sites[site].log_has('dissent'), site)
        first = next(entry['event'] for entry in self.all.entries('south', 'second')
                     if entry['type'] == 'round-closed')
        self.assertEqual({'east', 'south'}, {each['site'] for each in first['submissions']})

    def test_a_withdrawal_is_answered_and_not_recorded(self):
        self.forge('swallow')
        self.training('second')
        self.act()
        said = self.all.fails('withdraw', 'file', 'north', '--scope', 'future-rounds', '--dir',
                              self.desk, expect=3)
        self.assertIn('where another one stands', said)

    def test_an_old_database_is_restored(self):
        self.all.aggregator.start()
        self.all.start_sites()
        self.training('second')
        self.all.stop()
        newest = {site: max(entry['index'] for entry in self.all.entries(site))
                  for site in ('north', 'south')}
        shutil.rmtree(f'{self.all.consortium}/aggregator')
        shutil.copytree(f'{self.folder}/before/consortium/aggregator',
                        f'{self.all.consortium}/aggregator')
        self.forge('none')
        for site, newer in newest.items():
            self.said('rollback', f'to {newer} are gone', sites=[site])
        self.named('rollback')

    def test_two_sites_are_shown_two_logs(self):
        self.forge('none', 'south')
        self.all.propose('second', rounds=1, quorum=1, sites=['south'])
        self.all.complete('second')
        self.all.sites['south'].stop()
        self.all.aggregator.stop()
        self.all.aggregator = self.honest
        self.all.aggregator.start()
        self.all.start_sites('east', 'north')
        self.all.propose('third', rounds=2, quorum=1, sites=['north'])
        self.all.complete('third')
        until(lambda: self.all.sites['north'].log_has('third/1/0: ended'), 'north knows the end')
        # Each copy is whole, signed and its own; they cannot both be of one log.
        for site in ('north', 'south'):
            found = self.all.dure('ledger', 'verify', '--dir', self.all.home(site))
            self.assertTrue(found['intact'])
        said = self.all.fails('ledger', 'compare', '--dir', self.all.home('north'), '--with',
                              self.all.home('south'), expect=3)
        self.assertIn('was rewritten', said)
        # Nor does one that went on from the one log take the other for a copy that lacks nothing,
        # although it is shorter and of none of the heads in the folder.
        old = f'{self.folder}/now/old'
        shutil.copytree(f'{self.folder}/before/consortium/aggregator', old)
        self.all.dure('ledger', 'heal', '--dir', old, '--from', self.all.home('north'))
        said = self.all.fails('ledger', 'heal', '--dir', old, '--from', self.all.home('south'),
                              expect=3)
        self.assertIn('FORK', said)
        self.all.sites['south'].start()
        self.said('fork', 'was rewritten', sites=['south'])
        # An honest aggregator that finds that its log has been forked elsewhere writes no more.
        self.all.fails(*self.all._proposal('after', rounds=1), expect=3)


if __name__ == '__main__':
    AdversaryTest.programs = sys.argv.pop(1)
    unittest.main(verbosity=2)
