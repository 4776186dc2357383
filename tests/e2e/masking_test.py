"""Masked rounds among real processes: liars are named, the lost are survived, nothing leaks.

    masking_test.py PROGRAMS [unittest arguments]

The aggregator that lies, and the site that does, are dure-lying; everybody else is the product.
"""

import glob
import re
import sys
import unittest

from federation import MODEL
from masked import LEAVES, LOOSE, SITES, MaskingTest
from processes import until


class ContextTest(MaskingTest):
    """Each lie is refused by its name; the honest aggregator then finishes the run."""

    BEFORE = [
        # lie, to whom, what that site calls it
        ('size:north', 'REFUSE_CTX_MISMATCH'),
        ('model:north', 'REFUSE_MODEL_CHAIN'),
        ('rules:north', 'REFUSE_POLICY_HASH'),
        ('plan:north', 'REFUSE_POLICY_HASH'),
        ('fewest:north', 'REFUSE_POLICY_HASH'),
        ('quorum:north', 'REFUSE_POLICY_HASH'),
        ('batches:north', 'REFUSE_POLICY_HASH'),
        ('corrupt:north', 'REFUSE_POLICY_HASH'),
        ('noise:north', 'REFUSE_POLICY_HASH'),
        ('room:north', 'REFUSE_SCHEMA'),
        ('lanes:north', 'REFUSE_CTX_MISMATCH'),
        ('layout:north', 'REFUSE_CTX_MISMATCH'),
        ('threshold:north', 'REFUSE_THRESHOLD'),
        ('stranger:north', 'REFUSE_IDENTITY'),
        ('member:north', 'REFUSE_IDENTITY'),
        ('cohort:north', 'REFUSE_COHORT'),
        ('key:north', 'REFUSE_BAD_SIGNATURE'),
    ]

    def test_a_context_that_is_not_the_agreed_one_is_refused_before_a_byte_leaves(self):
        for lie, refusal in self.BEFORE:
            with self.subTest(lie=lie):
                run = 'lie-' + lie.split(':')[0]
                self.lied('aggregator', lie, run)
                until(lambda run=run, refusal=refusal: self.said('north', run, refusal),
                      f'north says {refusal}')
                assert not self.said('north', run, LEAVES), 'something masked left'
                self.honest('aggregator')
                self.settle(run)


class LyingAggregatorTest(MaskingTest):
    def test_survivors_told_differently_to_one_get_no_share_of_it(self):
        # Three of four make a sum of this run, so north signs what it is told.
        self.lied('aggregator', 'survivors:north', 'two-sets', quorum=3)
        until(lambda: self.said('north', 'two-sets', 'REFUSE_'), 'north refuses')
        assert self.said('north', 'two-sets', 'REFUSE_SURVIVOR_SET')
        self.honest('aggregator')
        federation = self.federation
        assert not self.closings('two-sets'), 'a sum over two sets of survivors became a model'
        # North signed that set and will not follow the other, for good: another run goes on.
        federation.dure('run', 'stop', '--dir', federation.consortium, 'two-sets')
        federation.propose('one-set')
        self.settle('one-set')

    def test_fewer_survivors_than_the_quorum_are_signed_by_nobody_who_is_told_of_them(self):
        self.lied('aggregator', 'survivors:north', 'few-survive')
        until(lambda: self.said('north', 'few-survive', 'REFUSE_'), 'north refuses')
        assert self.said('north', 'few-survive', 'REFUSE_COHORT')
        assert not self.closings('few-survive'), 'a sum that north refused became a model'
        self.honest('aggregator')
        self.settle('few-survive')

    def test_a_smaller_part_than_the_run_asks_for_is_signed_by_nobody_who_is_told_of_it(self):
        # Three of four are enough for the threshold and the quorum, and not for this run.
        self.lied('aggregator', 'survivors:north', 'small-part', quorum=3, survivors_min=0.8)
        until(lambda: self.said('north', 'small-part', 'REFUSE_'), 'north refuses')
        assert self.said('north', 'small-part', 'REFUSE_MIN_FRACTION: 3 survivors of 4')
        assert not self.closings('small-part'), 'a sum that north refused became a model'
        self.honest('aggregator')
        assert self.federation.show('small-part')['survivors_permille'] == 800
        assert all(len(event['submissions']) == 4 for event in self.settle('small-part'))

    def test_nobody_is_singled_out_by_dropping_the_rest(self):
        self.lied('aggregator', 'isolate:', 'isolated')
        for site in SITES:
            until(lambda site=site: self.said(site, 'isolated', 'REFUSE_THRESHOLD'),
                  f'{site} refuses')
        self.honest('aggregator')
        self.settle('isolated')

    def test_a_round_that_was_released_is_not_released_again(self):
        self.lied('aggregator', 'again:north', 'again')
        until(lambda: self.said('north', 'again', 'REFUSE_ALREADY_RELEASED'), 'north refuses')
        self.honest('aggregator')
        self.settle('again')

    def test_a_sum_that_is_not_the_sum_is_refused_by_every_site(self):
        self.lied('aggregator', 'sums:', 'forged')
        for site in SITES:
            until(lambda site=site: self.said(site, 'forged', 'REFUSE_AGGREGATE'),
                  f'{site} refuses')
        assert not self.closings('forged'), 'it saw for itself, and recorded it all the same'
        self.honest('aggregator')
        self.settle('forged')

    def test_another_sum_in_the_record_than_the_one_checked_is_followed_by_nobody(self):
        self.lied('aggregator', 'recorded:', 'miswritten')
        for site in SITES:
            until(lambda site=site: self.said(site, 'miswritten', 'DISSENT'), f'{site} dissents')
        assert not any(self.said(site, 'miswritten', 'idle (equal)') for site in SITES)
        self.honest('aggregator')


class LyingSiteTest(MaskingTest):
    def test_a_share_that_is_not_its_owners_is_named_and_the_sum_is_had_without_it(self):
        # East's shares come late, so that west's are looked at whoever is quick.
        aggregator = self.federation.aggregator
        self.arm('east', lie='no-reveal:', told=f'{self.folder}/held-back.told')
        self.lied('west', 'reveal:', 'bad-share')
        until(lambda: aggregator.log_has('west: REFUSE_BAD_SIGNATURE'), 'west is named')
        assert not self.closings('bad-share'), 'two good shares of three were enough'
        self.honest('east')
        self.settle('bad-share')
        self.honest('west')

    def test_a_site_that_holds_back_its_shares_changes_nothing(self):
        self.lied('west', 'no-reveal:', 'no-share')
        self.settle('no-share')
        self.honest('west')

    def test_a_site_that_will_not_check_can_only_stop_the_round(self):
        passed = {site: f'{self.folder}/{site}.passed' for site in SITES[:3]}
        for site, path in passed.items():
            self.arm(site, passed=path)
        self.lied('west', 'no-check:', 'unchecked')

        def checked(path):
            with open(path, encoding='ascii') as points:
                return 'site.after-masking-persist/checked\n' in points.read()
        until(lambda: all(checked(path) for path in passed.values()), 'the others have checked it')
        assert not self.closings('unchecked'), 'an unchecked sum became a model'
        self.honest('west')
        self.settle('unchecked')


class LostSiteTest(MaskingTest):
    model = MODEL

    def test_a_site_killed_at_any_step_is_survived_and_the_sum_is_exact(self):
        # Every site checks the sum against what it sent itself: wrong sums are refused.
        points = ['site.after-masking-persist/shared', 'site.masked', 'site.mid-upload:2',
                  'site.uploaded', 'site.after-masking-persist/revealed']
        for number, point in enumerate(points):
            with self.subTest(point=point):
                run, (west,) = self.lose(
                    f'lost-{number}', ['west'], crash_at=point if ':' in point else point + ':1',
                    seed=number + 1, rounds=2, deadline_seconds=20, **LOOSE)
                west.start()
                self.settle(run)

    def test_a_site_that_was_in_a_sum_is_waited_for(self):
        west, federation = self.federation.sites['west'], self.federation
        federation.propose('waited', rounds=4, steps=40, quorum=3, lost_seconds=1, join_seconds=5)
        federation.watch('waited', lambda line: line['round'] >= 1, 'round 1')
        west.kill()
        until(lambda: federation.aggregator.log_has('REFUSE_MEMBERSHIP') or
              any(self.said(site, 'waited', 'REFUSE_MEMBERSHIP')
                  for site in ('east', 'north', 'south')), 'a sum of three is refused')
        until(lambda: 'west' in str(federation.show('waited').get('waiting')), 'it waits for west')
        west.start()
        federation.complete('waited')
        closed = federation.check_run('waited')
        assert all(len(event['submissions']) == 4 for event in closed), closed

    def test_a_site_that_missed_the_first_sum_is_set_apart_and_holds_nobody_up(self):
        west, federation = self.federation.sites['west'], self.federation
        west.stop()
        federation.propose('late', rounds=8, steps=40, quorum=3, lost_seconds=1, join_seconds=5)
        federation.watch('late', lambda line: line['round'] >= 1, 'round 1')
        west.start()
        until(lambda: self.said('west', 'late', '(set-apart)'), 'west is told')
        federation.complete('late')
        closed = federation.check_run('late')
        assert all(len(event['submissions']) == 3 for event in closed), closed
        assert not self.said('west', 'late', LEAVES), 'a sum with it would have shown its part'
        until(lambda: self.said('west', 'late', 'ended (complete)'), 'west holds the model too')
        assert not any(self.said(site, 'late', 'REFUSE_') for site in SITES)

    def test_lanes_of_four_bits_are_summed_exactly_masked_with_one_lost_and_in_the_clear(self):
        federation = self.federation
        run, (west,) = self.lose('four-bits', ['west'], crash_at='site.mid-upload:1', lane='int4',
                                 rounds=2, deadline_seconds=20, **LOOSE)
        west.start()
        self.settle(run)
        shown = federation.show(run)
        assert (shown['lane'], shown['differences'], shown['members_min']) == ('int4', 'allowed', 3)
        said = federation.says('run', 'show', '--dir', federation.consortium, run)
        assert '--allow-differences' in said, said
        proposed = next(entry['event'] for entry in federation.entries('east', run)
                        if entry['type'] == 'run-proposed')
        assert proposed['fields']['differences'] == 'allowed', 'every member can see it'
        read = federation.says('run', 'record', run, '--dir', federation.home('east'), '--lang',
                               'ko')
        assert '한 회원의 몫이 드러나는 합(differences): 허용(allowed)' in read, read
        parameters = federation.show(run)['parameters']
        sizes = {int(re.search(r'leaves this site: (\d+) bytes', line).group(1))
                 for site in SITES for line in self.lines(site, run) if LEAVES in line}
        assert sizes == {parameters + 32}, f'a byte a parameter and four scalars, not {sizes}'
        federation.propose('in-the-clear', lane='int4', rounds=3, masking='none')
        federation.complete('in-the-clear')
        federation.check_receipts('in-the-clear', federation.check_run('in-the-clear'))

    def test_what_leaves_is_noise_and_no_number_of_a_site_is_kept_anywhere(self):
        self.federation.propose('quiet', learning_rate=1e-30)
        closed = self.settle('quiet')
        looks = {}
        for site in SITES:
            for line in self.lines(site, 'quiet'):
                if LEAVES in line:
                    looks.setdefault(site, []).append(line)
                    assert 'chi-square' in line and ': even as noise' in line, line
        # Nobody learned anything: the updates are all zeros, and still no two payloads begin alike.
        begins = [re.search(r'bytes, ([0-9a-f ]+)', line).group(1)
                  for lines in looks.values() for line in lines]
        assert len(begins) == len(SITES) * len(closed) == len(set(begins))
        entries = self.federation.entries('aggregator', 'quiet')
        for entry in entries:
            if entry['type'] == 'contribution-submitted':
                assert entry['event']['masked'] is True
                assert not {'weight', 'tokens', 'steps', 'saturatedLanes'} & set(entry['event'])
        shown = self.federation.show('quiet')
        assert (shown['masking'], shown['differences']) == ('pairwise', 'forbidden')
        proposed = next(entry['event'] for entry in entries if entry['type'] == 'run-proposed')
        assert 'differences' not in proposed['fields'], proposed
        assert not glob.glob(f'{self.folder}/*/runs/quiet/lanes-*'), 'lanes in the clear are left'


def load_tests(loader, _, __):
    suite = unittest.TestSuite()
    for case in (ContextTest, LyingAggregatorTest, LyingSiteTest, LostSiteTest):
        suite.addTests(loader.loadTestsFromTestCase(case))
    return suite


if __name__ == '__main__':
    MaskingTest.programs = sys.argv.pop(1)
    unittest.main(verbosity=2)
