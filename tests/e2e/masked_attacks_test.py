"""Attacks on masked rounds by whoever signs what it says, and by whoever only has a socket.

    masked_attacks_test.py PROGRAMS [unittest arguments]

As in masking_test.py, dure-lying tells one lie, under its own key; everybody else is the product.
"""

import resource
import shutil
import socket
import sys
import tempfile
import unittest

from federation import Federation
from masked import LEAVES, LOOSE, SITES, MaskingTest
from processes import until
from relay import Relay


class LyingAggregatorTest(MaskingTest):
    def test_two_rosters_make_no_sum_and_not_a_byte_leaves(self):
        # Either may stand alone: what does not fit is that north speaks of another than its peers.
        self.lied('aggregator', 'roster:north', 'two-rosters')
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

    def test_one_coordinate_of_one_upload_changed_is_refused_by_every_site(self):
        self.lied('aggregator', 'coordinate:', 'changed')
        for site in SITES:
            until(lambda site=site: self.said(site, 'changed', 'REFUSE_AGGREGATE'),
                  f'{site} refuses')
        assert not self.closings('changed'), 'a changed sum became a model'
        self.honest('aggregator')
        self.settle('changed')


class LyingSiteTest(MaskingTest):
    """West signs what is false. Nothing of it gets into a sum, and it is named."""

    def named(self, run, refusal, site='aggregator'):
        if site == 'aggregator':
            return self.federation.aggregator.log_has(f'west: {refusal}')
        return self.said(site, run, refusal)

    def test_a_key_of_low_order_is_refused_and_the_others_go_on(self):
        self.without_west('low-key', 'REFUSE_KEY')

    def test_shares_that_do_not_open_are_refused_and_the_others_go_on(self):
        self.without_west('deal', 'REFUSE_SHARES')

    def without_west(self, lie, refusal):
        self.lied('west', f'{lie}:', lie, rounds=1, **LOOSE)
        until(lambda: any(self.named(lie, refusal, site) for site in SITES[:3]),
              'a site refuses what west says')
        for event in self.settle(lie):
            assert len(event['submissions']) == 3, 'west is left out of the next attempt'
        self.honest('west')

    def test_a_site_whose_state_went_back_is_known_and_the_others_go_on(self):
        west, federation = self.federation.sites['west'], self.federation
        old = f'{self.folder}/west-before'
        with federation.proposing('back', rounds=5, steps=30, deadline_seconds=10,
                                  **LOOSE) as proposal:
            assert proposal.wait(60) == 0
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
        until(lambda: self.named('old-keys', 'REFUSE_'), 'west is named')
        self.honest('west')
        self.settle('old-keys')


class SpoiledTrainingTest(MaskingTest):
    """West's training went wrong; what it does to the others is bounded."""

    def spoiled(self, how):
        run = f'spoiled-{how}'
        self.lied('west', f'{how}:', run, **LOOSE)
        closed = self.settle(run)
        self.honest('west')
        return run, closed

    def test_a_weight_that_is_no_number_stays_at_its_site(self):
        run, closed = self.spoiled('nan')
        assert self.said('west', run, 'holds a NaN or an infinity near parameter')
        assert len(closed[0]['submissions']) == 3

    def test_a_weight_beyond_all_others_is_cut_and_counted(self):
        _, closed = self.spoiled('huge')
        assert len(closed[0]['submissions']) == 4
        assert closed[0]['sums']['saturatedLanes'] >= 1, closed[0]['sums']


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
            self.assertTrue(relay.broken.wait(60), 'nothing was uploaded')
            relay.heal()
        federation.complete('broken')
        closed = federation.check_run('broken')
        federation.check_receipts('broken', closed)
        for event in closed:
            self.assertEqual(len(event['submissions']), len(SITES))
        for site in federation.sites.values():
            self.assertFalse(site.log_has('REFUSE_'), 'somebody was accused of a broken line')


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
