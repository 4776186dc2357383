"""Attacks on masked rounds by whoever signs what it says, and by whoever only has a socket.

    masked_attacks_test.py PROGRAMS [unittest arguments]

As in masking_test.py, dure-lying tells one lie, under its own key; everybody else is the product.
"""

import array
import os
import re
import resource
import shutil
import socket
import sys
import tempfile
import unittest

from federation import MODEL, Federation
from masked import LEAVES, LOOSE, PATIENT, SITES, MaskingTest
from processes import PATIENCE, until
from relay import Relay


def weights(path):
    with open(path, 'rb') as file:
        file.seek(int.from_bytes(file.read(8), 'little'), os.SEEK_CUR)
        values = array.array('f')
        values.frombytes(file.read())
    return values


class LyingAggregatorTest(MaskingTest):
    def test_two_rosters_make_no_sum_and_not_a_byte_leaves(self):
        self.lied('aggregator', 'roster:north', 'two-rosters')
        until(lambda: self.said('north', 'two-rosters', 'REFUSE_COHORT'), 'north has the record')
        until(lambda: self.federation.aggregator.log_has('north: REFUSE_CTX_MISMATCH'),
              'the contexts differ')
        assert not any(self.said(site, 'two-rosters', LEAVES) for site in SITES)
        self.honest('aggregator')
        self.settle('two-rosters')

    def test_what_was_said_in_an_earlier_round_is_not_taken_again(self):
        self.lied('aggregator', 'stale:north', 'replayed', rounds=2)
        until(lambda: self.said('north', 'replayed', 'REFUSE_'), 'north refuses')
        assert self.said('north', 'replayed', 'REFUSE_STALE')
        self.honest('aggregator')
        self.settle('replayed')

    def test_a_start_or_an_end_that_is_not_on_record_is_refused_by_every_site(self):
        for lie, run, words in (('base', 'starts-over', 'the plan starts from model'),
                                ('last', 'ends-early', 'the aggregator ends it after 2 rounds')):
            self.lied('aggregator', f'{lie}:', run, rounds=2)
            for site in SITES:
                until(lambda site=site, run=run, words=words: self.said(
                    site, run, f'DISSENT: {words}'), f'{site} names it')
            assert len(self.closings(run)) == (1 if lie == 'base' else 2)
            self.honest('aggregator')
            self.settle(run)

    def test_one_coordinate_of_one_upload_changed_is_refused_by_every_site(self):
        self.lied('aggregator', 'coordinate:', 'changed')
        for site in SITES:
            until(lambda site=site: self.said(site, 'changed', 'REFUSE_AGGREGATE'),
                  f'{site} refuses')
        assert not self.closings('changed'), 'a changed sum became a model'
        self.honest('aggregator')
        self.settle('changed')

    def test_a_sum_whose_check_no_site_brought_to_its_end_is_followed_by_nobody(self):
        # All check values are in; what each site hears instead of its peers' makes it refuse.
        self.lied('aggregator', 'unheard:', 'unheard')
        for site in SITES:
            until(lambda site=site: self.said(site, 'unheard', 'DISSENT'), f'{site} dissents')
            assert self.said(site, 'unheard', 'REFUSE_SURVIVOR_SET')
        assert self.closings('unheard'), 'the record closes the round over another sum'
        assert not any(self.said(site, 'unheard', 'idle (equal)') for site in SITES)
        self.honest('aggregator')

    def test_a_cohort_that_is_short_of_one_who_was_in_the_last_sum_is_refused_by_all(self):
        self.lied('aggregator', 'without:west', 'short-of-one', quorum=3, join_seconds=30)
        for site in SITES[:3]:
            until(lambda site=site: self.said(site, 'short-of-one', 'REFUSE_MEMBERSHIP'),
                  f'{site} refuses')
        assert len(self.closings('short-of-one')) == 1, 'a difference of two sums shows west'
        self.honest('aggregator')
        self.settle('short-of-one')


class LyingSiteTest(MaskingTest):
    """West signs what is false. Nothing of it gets into a sum, and it is named."""

    def named(self, run, refusal, site='aggregator'):
        if site == 'aggregator':
            return any(f' {run}/' in line and f'west: {refusal}' in line
                       for line in self.federation.aggregator.tail(10**6).splitlines())
        return any(f'REFUSED: {refusal}' in line and line.rstrip().endswith('; accused: west')
                   for line in self.lines(site, run))

    def test_a_key_of_low_order_is_refused_and_the_others_go_on(self):
        self.without_west('low-key', 'REFUSE_KEY')

    def test_shares_that_do_not_open_are_refused_and_the_others_go_on(self):
        self.without_west('deal', 'REFUSE_SHARES')

    def test_a_site_that_says_nothing_is_named_and_the_others_go_on(self):
        self.lied('west', 'mute:', 'mute', rounds=1, **LOOSE)
        until(lambda: re.search(r'mute/0/\d+: masking: advertising: not heard in time: .*\bwest\b',
                                self.federation.aggregator.tail(10**6)), 'west is named')
        assert all(len(event['submissions']) == 3 for event in self.settle('mute'))
        self.honest('west')

    def test_a_run_that_cannot_do_without_a_silent_site_says_for_whom_it_waits(self):
        federation = self.federation
        self.lied('west', 'mute:', 'needs-all', rounds=1)
        federation.watch('needs-all', lambda line: any(
            (each['site'], each['cause'], each.get('reason')) ==
            ('west', 'barred', 'masking-silent')
            for each in line.get('waiting', {}).get('missing', [])), 'it waits for west')
        assert 'masking-silent' in str(federation.show('needs-all').get('waiting'))
        self.honest('west')
        federation.dure('run', 'resume', '--dir', federation.consortium, 'needs-all')
        self.settle('needs-all')

    def test_a_site_that_states_another_payload_than_it_submits_is_named_and_left_out(self):
        self.lied('west', 'other-payload:', 'two-payloads', rounds=1, **LOOSE)
        until(lambda: self.federation.aggregator.log_has(
            'west says that it uploaded another payload than it submitted'), 'west is named')
        assert all(len(event['submissions']) == 3 for event in self.settle('two-payloads'))
        self.honest('west')

    def without_west(self, lie, refusal):
        self.lied('west', f'{lie}:', lie, rounds=1, **LOOSE)
        until(lambda: any(self.named(lie, refusal, site) for site in SITES[:3]),
              'a site refuses what west says, and names it')
        for event in self.settle(lie):
            assert len(event['submissions']) == 3, 'west is left out of the next attempt'
        self.honest('west')

    def test_a_site_whose_state_went_back_is_known_and_the_others_go_on(self):
        west, federation = self.federation.sites['west'], self.federation
        old = f'{self.folder}/west-before'
        with federation.proposing('back', rounds=5, steps=30, deadline_seconds=30,
                                  **PATIENT) as proposal:
            assert proposal.wait(PATIENCE) == 0
            federation.watch('back', lambda line: line['round'] >= 1, 'round 1')
            west.stop()
            shutil.copytree(federation.home('west'), old)
            west.start()
            federation.watch('back', lambda line: line['round'] >= 3, 'round 3')
            west.stop()
            shutil.rmtree(federation.home('west'))
            shutil.copytree(old, federation.home('west'))
            west.start()
        federation.complete('back')
        assert any(self.said(site, 'back', 'REFUSE_STALE: west had released') for site in SITES[:3])

    def test_a_wrong_share_is_known_by_its_owners_commitment(self):
        # East's shares come late, so that west's are looked at whoever is quick.
        self.arm('east', lie='no-reveal:', told=f'{self.folder}/late.told')
        self.lied('west', 'wrong-share:', 'wrong-share')
        until(lambda: self.named('wrong-share', 'REFUSE_SHARES'), 'west is named')
        self.honest('east')
        self.settle('wrong-share')
        self.honest('west')

    def test_a_false_check_value_ends_the_attempt_and_not_the_federation(self):
        self.lied('west', 'check-value:', 'false-value')
        until(lambda: self.federation.aggregator.log_has('the sum is not that of what its sites'),
              'the aggregator sees that the values do not fit')
        assert not self.closings('false-value'), 'a sum that nobody would follow is in the record'
        self.honest('west')
        self.settle('false-value')

    def test_keys_of_an_earlier_round_are_not_taken_again(self):
        self.lied('west', 'stale:', 'old-keys', rounds=2, deadline_seconds=20, **LOOSE)
        # An honest site's late message looks the same: set aside, and nobody is accused of it.
        ended = r'old-keys/1/\d+: masking: no sum: not all sites advertised keys'
        until(lambda: re.search(ended, self.federation.aggregator.tail(10**6)),
              'it counts for nothing')
        self.honest('west')
        self.settle('old-keys')


class SpoiledTrainingTest(MaskingTest):
    """West's training went wrong; what it does to the others is bounded."""

    # Nobody is left out for being slow.
    ALL = {'rounds': 1, 'join_seconds': 30, 'deadline_seconds': 60}

    def spoiled(self, how, **options):
        run = f'spoiled-{how}'
        self.lied('west', f'{how}:', run, **options)
        closed = self.settle(run)
        self.honest('west')
        return run, closed

    def test_a_weight_that_is_no_number_stays_at_its_site(self):
        run, closed = self.spoiled('nan', **LOOSE)
        assert self.said('west', run, 'holds a NaN or an infinity near parameter')
        assert len(closed[0]['submissions']) == 3

    def test_a_weight_beyond_all_others_is_cut_and_counted(self):
        _, closed = self.spoiled('huge', **self.ALL)
        assert len(closed[0]['submissions']) == 4
        assert closed[0]['sums']['saturatedLanes'] >= 1, closed[0]['sums']


    def test_an_update_reversed_and_fifty_times_as_long_moves_the_model_no_further_than_any(self):
        federation = self.federation
        self.lied('west', 'poison:', 'boosted', learning_rate=0.001, **self.ALL)
        closed = self.settle('boosted')
        self.honest('west')
        shown = federation.show('boosted')
        assert re.search(r'boosted/0/\d+: ALARM: ', federation.aggregator.tail(10**6))
        for site in SITES:
            until(lambda site=site: self.said(site, 'boosted', ': ALARM: '), f'{site} sees it')
        line = federation.watch('boosted', lambda line: line.get('ended'), 'the end')
        assert line['closed'][0]['note'].startswith('ALARM: '), line['closed']
        assert len(closed[0]['submissions']) == 4
        assert closed[0]['sums']['saturatedLanes'] > shown['parameters'] / 10, closed[0]['sums']
        before, after = (weights(f'{federation.home("aggregator")}/blobs/blobs/{digest}')
                         for digest in (shown['initial_model'], shown['base']['model']))
        # A lane reaches the scale, at most two steps of 0.001, and the outer step is 0.7 * 1.9.
        moved = max(abs(a - b) for a, b in zip(before, after))
        assert 0 < moved <= 0.002 * 0.7 * 1.9 * 1.001, moved

    LIMITED = {'rounds': 1, 'learning_rate': 0.001, 'saturation_limit': 0.05, **LOOSE}

    def test_a_site_does_not_send_what_was_cut_more_than_its_run_takes(self):
        self.lied('west', 'poison:', 'held-back', **self.LIMITED)
        closed = self.settle('held-back')
        self.honest('west')
        assert self.said('west', 'held-back', '(saturation-limit)')
        assert not self.said('west', 'held-back', LEAVES), 'something masked left'
        assert len(closed[0]['submissions']) == 3
        assert {'site': 'west', 'reason': 'saturation-limit'} in closed[0]['excluded'], closed[0]
        assert self.federation.show('held-back')['saturation_limit'] == 0.05
        proposed = [entry['event'] for entry in self.federation.entries('aggregator', 'held-back')
                    if entry['type'] == 'run-proposed']
        assert proposed[0]['fields']['saturationLimit'] == '0.05', proposed

    def test_a_sum_with_more_cut_than_its_run_takes_is_given_up(self):
        self.lied('west', 'shameless:', 'over-limit', **self.LIMITED)
        until(lambda: re.search(r'over-limit/0/\d+: masking: REFUSE_SAT',
                                self.federation.aggregator.tail(10**6)), 'the aggregator refuses')
        self.honest('west')
        # What it trained stays as it is; now it holds that back.
        assert all(len(event['submissions']) == 3 for event in self.settle('over-limit'))
        abandoned = [entry['event']['reason']
                     for entry in self.federation.entries('aggregator', 'over-limit')
                     if entry['type'] == 'round-abandoned']
        assert 'saturation-limit' in abandoned, abandoned

    def test_a_sum_that_should_have_been_given_up_is_said_to_be_right_by_nobody(self):
        self.arm('west', lie='shameless:', told=f'{self.folder}/shameless.told')
        self.lied('aggregator', 'takes-cut:', 'passed-on', **self.LIMITED)
        for site in SITES[:3]:
            until(lambda site=site: self.said(site, 'passed-on', 'REFUSE_SATURATION'),
                  f'{site} refuses')
        self.honest('aggregator')
        self.honest('west')
        assert all(len(event['submissions']) == 3 for event in self.settle('passed-on'))

    def test_a_lane_beyond_what_any_site_may_send_makes_no_sum(self):
        self.off('beyond', 'the sum cannot be had', lane='int4')

    def test_a_masked_lane_that_is_not_the_one_masked_makes_no_sum(self):
        self.off('drift', 'the sum is not that of what its sites say they sent')

    def off(self, lie, heard, **options):
        self.lied('west', f'{lie}:', lie, **options)
        until(lambda: self.federation.aggregator.log_has(f'{lie}/0/') and
              self.federation.aggregator.log_has(heard), f'the aggregator says: {heard}')
        assert not self.closings(lie), 'it became a model'
        self.honest('west')
        self.settle(lie)


class LiedChunksTest(MaskingTest):
    model = MODEL

    def test_chunks_that_are_not_the_promised_ones_hold_up_nobody(self):
        for lie in ('cut-chunk', 'other-chunk', 'big-chunk', 'far-chunk', 'swapped', 'same-chunk'):
            with self.subTest(lie=lie):
                self.lied('west', f'{lie}:', lie, rounds=1, deadline_seconds=6, **LOOSE)
                closed = self.settle(lie)
                assert len(closed[0]['submissions']) == 3, 'what it sent was taken'
                self.honest('west')


class ChunksTest(unittest.TestCase):
    """The line breaks within chunks, again and again, and every site begins where it was."""

    def test_uploads_broken_off_within_chunks_go_on_and_the_sum_is_exact(self):
        folder = tempfile.mkdtemp(prefix='dure-e2e-')
        self.addCleanup(shutil.rmtree, folder)
        relay = Relay()
        self.addCleanup(relay.close)
        federation = Federation(MaskingTest.programs, folder, SITES, relay=relay)
        self.addCleanup(federation.kill)
        federation.start_sites()
        federation.propose('broken', join_seconds=30, deadline_seconds=120, lost_seconds=60)
        for mebibytes in (1, 2, 3):
            relay.cut_after((mebibytes << 20) + 12345)
            self.assertTrue(relay.broken.wait(PATIENCE), 'nothing was uploaded')
            relay.heal()
        federation.complete('broken')
        closed = federation.check_run('broken')
        federation.check_receipts('broken', closed)
        for event in closed:
            self.assertEqual(len(event['submissions']), len(SITES))
        for site in federation.sites.values():
            self.assertFalse(site.log_has('REFUSE_'), 'somebody was accused of a broken line')
        for daemon in (federation.aggregator, *federation.sites.values()):
            self.assertFalse(daemon.log_has('ALARM'), 'an ordinary run alarmed somebody')


class OutsiderTest(MaskingTest):
    def test_connections_that_say_nothing_hold_up_nobody(self):
        host, port = self.federation.address.split(':')
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(20000, hard), hard))
        count = min(10000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200)
        # The aggregator begins with what a shell gives.
        aggregator = self.federation.aggregator
        aggregator.stop()
        aggregator.start(limit=lambda: resource.setrlimit(resource.RLIMIT_NOFILE,
                                                          (min(1024, hard), hard)))
        silent = []
        try:
            for number in range(count):
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex((host, int(port)))
                if number % 2:
                    # The head of a TLS hello of which nothing follows.
                    until(lambda one=one: self.can_send(one), 'the connection stands')
                silent.append(one)
            self.federation.propose('crowded', join_seconds=5)
            self.settle('crowded')
        finally:
            for one in silent:
                one.close()
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    @staticmethod
    def can_send(one):
        try:
            return one.send(b'\x16\x03\x01\x02\x00\x01') > 0
        except BlockingIOError:
            return False
        except OSError:
            return True  # turned away already


def load_tests(loader, _, __):
    suite = unittest.TestSuite()
    for case in (LyingAggregatorTest, LyingSiteTest, SpoiledTrainingTest, ChunksTest, OutsiderTest):
        suite.addTests(loader.loadTestsFromTestCase(case))
    return suite


if __name__ == '__main__':
    MaskingTest.programs = sys.argv.pop(1)
    unittest.main(verbosity=2)
