"""Noise among real processes: it is in the sum, clips hold, accounts are charged and never forget.

    privacy_test.py PROGRAMS [unittest arguments]
"""

import array
import json
import math
import shutil
import struct
import sys
import tempfile
import unittest

from federation import Federation
from processes import PATIENCE, until

PROGRAMS = ''
SITES = ['north', 'south', 'west']
# Small enough that noise of one clip has room in a lane.
MODEL = {'architectures': ['LlamaForCausalLM'], 'model_type': 'llama', 'hidden_size': 48,
         'intermediate_size': 96, 'num_hidden_layers': 1, 'num_attention_heads': 4,
         'num_key_value_heads': 4, 'max_position_embeddings': 32, 'vocab_size': 257,
         'rms_norm_eps': 1e-5, 'rope_theta': 10000.0, 'hidden_act': 'silu',
         'tie_word_embeddings': True}
# The outer step is then base minus mean, so that a sum can be read off two models.
NOISY = {'privacy': 'discrete-gaussian', 'privacy_clip': 0.5, 'outer_eta': 1, 'outer_mu': 0}


def weights(path):
    """The flat vector of a model file, read without code of ours."""
    with open(path, 'rb') as file:
        header = struct.unpack('<Q', file.read(8))[0]
        file.seek(8 + header)
        values = array.array('f')
        values.frombytes(file.read())
        return values


def norm(values):
    return math.sqrt(sum(value * value for value in values))


class PrivacyTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='dure-e2e-')
        cls.federation = Federation(PROGRAMS, cls.folder, SITES)
        with open(f'{cls.folder}/model.json', 'w', encoding='ascii') as file:
            json.dump(MODEL, file)
        cls.federation.start_sites()

    @classmethod
    def tearDownClass(cls):
        cls.federation.kill()
        shutil.rmtree(cls.folder)

    def run_noisy(self, run, **options):
        self.federation.propose(run, **{**NOISY, **options})
        return self.settle(run)

    def settle(self, run):
        self.federation.complete(run)
        return self.federation.check_run(run)

    def model(self, digest):
        return weights(f'{self.federation.home("north")}/blobs/blobs/{digest}')

    def account(self, site, unit):
        said = self.federation.dure('privacy', 'account', '--dir', self.federation.home(site))
        found = [one for one in said['accounts'] if one['unit'] == unit]
        return found[0] if found else None

    def used(self, site, unit):
        account = self.account(site, unit)
        return sum(one['steps'] for one in account['used']) if account else 0

    def reasons(self, run):
        waiting = self.federation.show(run).get('waiting') or {}
        return {one['site']: one.get('reason') for one in waiting.get('missing', [])}


class NoiseTest(PrivacyTest):
    def test_the_sum_holds_the_noise_of_every_site_and_nothing_else_of_an_update_of_zeros(self):
        closed = self.run_noisy('zeros', rounds=2, learning_rate=1e-30,
                                no_privacy_rotate=True)
        told = self.federation.show('zeros')['privacy']
        before, after = (self.model(event['model']) for event in closed)
        grid = told['grid'] * len(SITES)
        sums = [(a - b) * grid for a, b in zip(before, after)]
        # Integers, up to the rounding of the model's own floats.
        assert max(abs(value - round(value)) for value in sums) < 0.2
        variance = sum(value * value for value in sums) / len(sums)
        wanted = len(SITES) * told['share_variance']
        error = math.sqrt(2 / len(sums))
        assert abs(variance / wanted - 1) < 6 * error, (variance, wanted)
        assert told['shares_counted'] == 2, 'of three, one may be lost or collude'
        sums = closed[0]['sums']
        assert (sums['tokens'], sums['steps'], sums['saturatedLanes']) == (0, 0, 0), sums

    def test_an_update_of_any_length_moves_the_model_by_no_more_than_its_clip_and_the_noise(self):
        closed = self.run_noisy('loud', rounds=2, learning_rate=0.05, schedule='constant',
                                privacy_noise=0.02)
        told = self.federation.show('loud')['privacy']
        before, after = (self.model(event['model']) for event in closed)
        moved = norm(a - b for a, b in zip(before, after))
        deviation = math.sqrt(told['share_variance'] / len(SITES)) / told['grid']
        noise = deviation * math.sqrt(len(before))
        assert moved <= 1.01 * told['clip'] + 1.05 * noise, (moved, noise)
        assert moved >= 0.5 * told['clip'], 'nothing was learned at all'

    def test_what_noise_costs_is_shown_before_anybody_approves(self):
        federation = self.federation
        said = federation.propose('shown', **{**NOISY, 'rounds': 3})
        lines = ' '.join(said['privacy']['sentences'])
        assert 'would leave noise and no model' in lines, lines
        assert said['privacy']['noise_to_signal'] > 1
        assert said['privacy'] == federation.show('shown')['privacy']
        entry = next(e for e in federation.entries('aggregator', 'shown')
                     if e['type'] == 'run-proposed')
        fields = entry['event']['fields']
        assert fields['noise'] == 'discrete-gaussian'
        assert float(fields['privacyEpsilon']) >= said['privacy']['record_epsilon'] > 0
        self.settle('shown')

    def test_settings_that_cannot_work_are_refused_with_what_would(self):
        federation = self.federation
        arguments = federation._proposal('refused', **NOISY)
        arguments[arguments.index('int16')] = 'int8'
        assert 'wider lanes work' in federation.fails(*arguments, expect=1)
        arguments = federation._proposal('refused', **{**NOISY, 'masking': 'none'})
        assert 'needs masking' in federation.fails(*arguments, expect=1)
        # Whoever types how much noise, and not which, expects some.
        for option in (['--privacy-noise', '1'], ['--privacy-clip', '1'], ['--no-privacy-rotate']):
            arguments = [*federation._proposal('refused'), *option]
            assert 'requires --privacy' in federation.fails(*arguments, expect=2)


class AccountTest(PrivacyTest):
    def test_each_round_is_charged_once_to_every_dataset_and_the_rest_is_given_back(self):
        before = {site: self.used(site, 'member') for site in SITES}
        self.run_noisy('charged', rounds=3, privacy_noise=3)
        for site in SITES:
            until(lambda site=site: not self.account(site, 'member')['open_runs'],
                  f'{site} gave back what it did not use')
            assert self.used(site, 'member') == before[site] + 3, self.account(site, 'member')
            assert self.used(site, 'example') >= 3
            member, example = self.account(site, 'member'), self.account(site, 'example')
            assert 0 < member['spent'] < example['spent'], 'a record may turn its update around'

    def test_training_with_noise_is_charged_by_the_step_and_tells_no_loss(self):
        before = {site: self.used(site, 'example') for site in SITES}
        federation = self.federation
        federation.propose('sgd', rounds=2, steps=3, masking='none',
                           dp_sgd='clip=1,noise=1,rate=0.1')
        self.settle('sgd')
        for site in SITES:
            assert self.used(site, 'example') == before[site] + 6, self.account(site, 'example')
        told = federation.show('sgd')['privacy']
        assert told['noise'] == 'none' and told['dp_sgd']['steps'] == 6
        assert 0 < told['record_epsilon'] < 30 and told['member_epsilon'] is None
        line = federation.watch('sgd', lambda line: True, 'anything')
        assert not any('loss' in site for site in line['sites']), line

    def test_a_site_that_dies_around_its_charge_has_paid_exactly_once(self):
        west, federation = self.federation.sites['west'], self.federation
        for point in ['site.privacy-reserved', 'site.before-privacy-commit',
                      'site.privacy-committed', 'site.uploaded']:
            with self.subTest(point=point):
                run = 'dies-' + point.split('.')[1]
                before = self.used('west', 'member')
                west.stop()
                west.start(crash_at=f'{point}:1')
                options = {**NOISY, 'rounds': 2, 'privacy_noise': 3}
                with federation.proposing(run, **options) as proposal:
                    west.wait_for_death()
                    assert proposal.wait(PATIENCE) == 0
                # Nothing left that was not paid for: read from its disk, without a daemon.
                if point in ('site.privacy-committed', 'site.uploaded'):
                    assert self.used('west', 'member') == before + 1
                west.start()
                self.settle(run)
                assert self.used('west', 'member') == before + 2

    def test_a_run_that_would_overdraw_is_declined_and_named(self):
        west, federation = self.federation.sites['west'], self.federation
        west.stop()
        west.arguments = [*west.arguments, '--epsilon-max', '40']
        west.start()
        try:
            federation.propose('dear', **{**NOISY, 'rounds': 500, 'join_seconds': 60})
            until(lambda: self.reasons('dear').get('west') == 'privacy-budget',
                  'west declines the run')
            assert west.log_has('would overdraw the privacy account of dataset west')
            assert west.log_has('and the budget is 40')
            assert not self.account('west', 'member')['open_runs'], 'it reserved what it refused'
            federation.dure('run', 'stop', '--dir', federation.consortium, 'dear')
            # Noise enough, and the same site takes part.
            self.run_noisy('cheap', rounds=1, privacy_noise=5)
            federation.propose('bare', masking='pairwise', join_seconds=60)
            until(lambda: self.reasons('bare').get('west') == 'privacy-none',
                  'west lends nothing to a run without noise')
            federation.dure('run', 'stop', '--dir', federation.consortium, 'bare')
        finally:
            west.stop()
            west.arguments = west.arguments[:-2]
            west.start()


class TwoRunsTest(PrivacyTest):
    """Two runs draw on one account at once, which holds enough for one of them."""

    ROUNDS = 2
    NOISE = {**NOISY, 'rounds': ROUNDS, 'privacy_noise': 3, 'join_seconds': 60}

    def give(self, site, run):
        """The site, stopped, with room for one more of these runs and not for two."""
        daemon = self.federation.sites[site]
        daemon.stop()
        self.before = self.used(site, 'example')
        # What a run of all of them would lose, as it is shown; without the site none begins.
        said = self.federation.propose(run, **{**self.NOISE, 'rounds': self.before + self.ROUNDS})
        self.federation.dure('run', 'stop', '--dir', self.federation.consortium, run)
        self.limit = said['privacy']['record_epsilon'] * 1.1
        daemon.arguments = [*daemon.arguments, '--epsilon-max', f'{self.limit:.6f}']
        self.addCleanup(self.take_back, daemon)
        return daemon

    def take_back(self, daemon):
        daemon.stop()
        daemon.arguments = daemon.arguments[:-2]
        daemon.start()

    def ask(self, *runs):
        """All of them at once: proposed side by side, while the site is not there."""
        asking = [self.federation.proposing(run, **self.NOISE) for run in runs]
        for each in asking:
            with each:
                assert each.wait(PATIENCE) == 0

    def declined(self, site, runs):
        """Of these the one that the site has no budget for, once it says so; and the other."""
        until(lambda: [run for run in runs if self.reasons(run).get(site) == 'privacy-budget'],
              f'{site} declines one')
        refused = [run for run in runs if self.federation.sites[site].log_has(
            f'{run}: privacy: REFUSED: ')]
        assert len(refused) == 1, f'{refused} of {runs} were refused'
        return refused[0], [run for run in runs if run not in refused][0]

    def check_account(self, site):
        for unit in ('example', 'member'):
            account = self.account(site, unit)
            held = max(account['spent'] or 0, account['reserved'] or 0)
            assert held <= self.limit, account
        return self.account(site, 'example')

    def finish(self, site, refused, taken):
        self.settle(taken)
        until(lambda: not self.account(site, 'example')['open_runs'], f'{site} gave back the rest')
        self.check_account(site)
        assert self.used(site, 'example') == self.before + self.ROUNDS
        # What the one used, the other does not get either.
        assert self.reasons(refused).get(site) == 'privacy-budget'
        self.federation.dure('run', 'stop', '--dir', self.federation.consortium, refused)
        assert self.used(site, 'example') == self.before + self.ROUNDS

    def test_of_two_runs_at_once_the_account_takes_one_and_names_the_other(self):
        west = self.give('west', 'west-shown')
        self.ask('one', 'other')
        west.start()
        refused, taken = self.declined('west', ['one', 'other'])
        assert west.log_has('would overdraw the privacy account of dataset west')
        self.check_account('west')
        self.finish('west', refused, taken)

    def test_what_a_site_died_over_stays_reserved_against_the_other_run(self):
        south = self.give('south', 'south-shown')
        self.ask('early', 'late')
        south.start(crash_at='site.privacy-reserved:1')
        south.wait_for_death()
        # Read from its disk: one run has what it needs, and nothing of it is used.
        account = self.check_account('south')
        assert len(account['open_runs']) == 1, account
        taken = account['open_runs'][0]
        assert taken['reserved_steps'] == self.ROUNDS and taken['used_steps'] == 0, account
        # And it dies once more, when the first update is paid for and has not left.
        south.start(crash_at='site.privacy-committed:1')
        south.wait_for_death()
        assert self.used('south', 'example') == self.before + 1
        self.check_account('south')
        south.start()
        refused, kept = self.declined('south', ['early', 'late'])
        assert kept == taken['run'], 'the other run got what this one had reserved'
        self.finish('south', refused, kept)


if __name__ == '__main__':
    PROGRAMS = sys.argv.pop(1)
    unittest.main(verbosity=2)
