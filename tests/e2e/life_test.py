"""Crashes outside the rounds, and clocks that jump: enrolment, renewal, stopping, fold-back.

    life_test.py PROGRAMS [unittest arguments]
"""

import glob
import os
import shutil
import signal
import ssl
import subprocess
import sys
import time
import unittest

from life import SITES, LifeTest
from processes import PATIENCE, until

HOUR = 3600
DAY = 24 * HOUR
KILLED = -signal.SIGKILL
SEAT = ('identity.signing-certificate-written', 'identity.certificates-written')


class EnrolmentTest(LifeTest):
    def enrol(self, federation, name, **options):
        return federation.dure('site', 'enrol', self.invitation, '--dir',
                               federation.home(name), **options)

    def test_site_killed_while_it_enrols_enrols_by_the_same_command(self):
        federation = self.found(['north'])
        for number, point in enumerate(('identity.keys-made', *SEAT)):
            name = f'site-{number}'
            self.invitation = federation.invite(name)
            self.enrol(federation, name, expect=KILLED, DURE_CRASH_AT=point)
            self.assertEqual(self.enrol(federation, name)['site'], name)
            federation.seat(name)
        federation.start_sites()
        federation.propose('enrolled', rounds=1)
        self.settle(federation, 'enrolled')

    def test_aggregator_killed_while_it_enrols_admits_the_seat_once(self):
        federation = self.found(['north'])
        federation.trust_the_log()
        for number, point in enumerate(('aggregator.enrolled', 'aggregator.admitted')):
            name = f'site-{number}'
            self.invitation = federation.invite(name)
            federation.aggregator.stop()
            federation.aggregator.start(crash_at=point)
            self.enrol(federation, name, expect=4)
            federation.aggregator.wait_for_death()
            federation.aggregator.start()
            self.enrol(federation, name)
            federation.seat(name)
        admitted = [entry['event']['site'] for entry in federation.entries('aggregator')
                    if entry['type'] == 'member-admitted']
        self.assertEqual(len(admitted), len(set(admitted)), admitted)
        federation.start_sites()
        federation.propose('enrolled', rounds=1)
        self.settle(federation, 'enrolled')

    def test_site_killed_while_it_takes_new_keys_takes_them_by_the_same_command(self):
        federation = self.found(SITES)
        federation.dure('revoke', '--dir', federation.consortium, '--site', 'north')
        federation.dure('revoke', '--dir', federation.consortium, '--site', 'north', '--lift')
        self.invitation = federation.invite('north')
        for point in ('identity.keys-made', *SEAT):
            federation.dure('site', 'enrol', self.invitation, '--dir', federation.home('north'),
                            '--new-keys', expect=KILLED, DURE_CRASH_AT=point)
        federation.dure('site', 'enrol', self.invitation, '--dir', federation.home('north'),
                        '--new-keys')
        federation.start_sites()
        federation.propose('new-keys', rounds=1)
        self.settle(federation, 'new-keys')

    def test_masked_rounds_go_on_with_a_site_that_lost_its_folder_and_enrolled_anew(self):
        federation = self.found(['east', *SITES])
        federation.start_sites()
        federation.propose('before', rounds=1)
        self.settle(federation, 'before')
        north = federation.sites['north']
        north.stop()
        shutil.rmtree(federation.home('north'))
        federation.dure('site', 'enrol', federation.invite('north'), '--dir',
                        federation.home('north'))
        north.start()
        federation.propose('after', rounds=1)
        self.settle(federation, 'after')
        entries = federation.entries('aggregator')
        assert 'sums' in [entry['event'] for entry in entries
                          if entry['type'] == 'round-closed'][-1], 'it was masked'
        ended = [entry['event'] for entry in entries if entry['type'] == 'key-revoked']
        self.assertEqual([('north', 're-enrolled')],
                         [(each['member'], each['reason']) for each in ended])


class RenewalTest(LifeTest):
    def test_daemons_killed_while_they_renew_go_on_with_one_certificate_or_the_other(self):
        federation = self.found(SITES)
        clock = self.clock()
        federation.aggregator.stop()
        clock.jump(5 * DAY)  # of seven: everybody's certificate is due
        os.environ['DURE_CLOCK'] = clock.path  # the operator lives then, too
        self.addCleanup(os.environ.pop, 'DURE_CLOCK')
        for point in SEAT:
            federation.aggregator.start(crash_at=point, clock=clock.path)
            federation.aggregator.wait_for_death()
        federation.aggregator.start(clock=clock.path)
        north = federation.sites['north']
        for point in SEAT:
            north.start(crash_at=point, clock=clock.path)
            north.wait_for_death()
        north.start(clock=clock.path)
        federation.sites['south'].start(clock=clock.path)
        # North's last crash came after its new certificate was in place: nothing is due any more.
        until(lambda: federation.sites['south'].log_has('certificate renewed'), 'a certificate')
        federation.propose('renewed', rounds=1)
        self.settle(federation, 'renewed')


    def test_a_certificate_is_renewed_while_uploads_take_hours(self):
        federation = self.found(SITES)
        clock = self.clock()
        north = federation.sites['north']
        north.arguments += ['--upload-limit', '0.01']
        federation.aggregator.stop()
        federation.trust_the_log()
        # In a while, when both transfers that a site makes at a time are under way.
        clock.jump(self.renewal_time(federation.home('north')) - time.time() - 20)
        os.environ['DURE_CLOCK'] = clock.path
        self.addCleanup(os.environ.pop, 'DURE_CLOCK')
        federation.aggregator.start(clock=clock.path)
        for site in SITES:
            federation.sites[site].start(clock=clock.path)
        for run in ('one', 'two'):
            federation.propose(run, rounds=1, deadline_seconds=3600)
        for run in ('one', 'two'):
            until(lambda run=run: north.log_has(f'{run}/0/0: uploading'), f'{run} is under way')
        until(lambda: north.log_has('certificate renewed'), 'a certificate')
        for run in ('one', 'two'):
            self.assertFalse(north.log_has(f'{run}/0/0: signing'), 'it was not waited for')

    @staticmethod
    def renewal_time(home):
        """When a third of its certificate's life is left."""
        said = subprocess.run(['openssl', 'x509', '-noout', '-dates', '-in',
                               f'{home}/identity/tls.crt'], capture_output=True, text=True,
                              check=True).stdout
        begin, end = (ssl.cert_time_to_seconds(line.split('=')[1])
                      for line in said.strip().splitlines())
        return end - (end - begin) / 3

    def test_who_was_revoked_gets_no_certificate_by_an_older_identity_book(self):
        federation = self.found(SITES)
        clock = self.clock()
        federation.start_sites()
        book = f'{federation.consortium}/aggregator/identity.db'
        kept = f'{self.folder}/identity.db'
        federation.aggregator.stop()
        shutil.copy(book, kept)
        federation.aggregator.start()
        federation.dure('revoke', '--dir', federation.consortium, '--site', 'north')
        until(lambda: any(entry['type'] == 'key-revoked'
                          for entry in federation.entries('aggregator')), 'it is on record')
        federation.aggregator.stop()
        shutil.copy(kept, book)
        clock.jump(5 * DAY)
        north, south = (federation.sites[site] for site in SITES)
        for site in (north, south):
            site.stop()
            site.start(clock=clock.path)
        federation.aggregator.start(clock=clock.path)
        until(lambda: south.log_has('certificate renewed'), 'the other goes on')
        until(lambda: north.log_has('ended on the record'), 'north hears why not')
        self.assertFalse(north.log_has('certificate renewed'))

    def test_who_is_revoked_while_the_log_is_compared_is_out_at_once_and_on_record_then(self):
        federation = self.found(SITES)
        federation.start_sites()
        federation.propose('before', rounds=1)
        self.settle(federation, 'before')  # both sites co-sign what is there
        federation.stop()
        federation.aggregator.start()
        said = federation.dure('revoke', '--dir', federation.consortium, '--site', 'north')
        self.assertFalse(said['on_record'], 'nobody has shown what it holds')

        def ended():
            return [entry['event']['member'] for entry in federation.entries('aggregator')
                    if entry['type'] == 'key-revoked']

        self.assertEqual(ended(), [])
        federation.sites['south'].start()  # north, of the same house, cannot come any more
        until(lambda: ended() == ['north'], 'the record says so')


class ClockTest(LifeTest):
    @staticmethod
    def redial(federation):
        """Links that stand are kept; certificates are looked at where one begins."""
        federation.aggregator.stop()
        federation.aggregator.start()

    def test_site_whose_clock_jumps_loses_nothing(self):
        federation = self.found(SITES)
        clock = self.clock()
        federation.hold('north')
        federation.sites['north'].start(clock=clock.path)
        federation.sites['south'].start()
        federation.propose('jumps', rounds=3)
        federation.training('jumps', 'north')
        clock.jump(30 * DAY)  # every certificate it sees has expired
        self.redial(federation)
        until(lambda: federation.sites['north'].log_has('expired'), 'north says so')
        clock.jump(-30 * DAY)  # nobody's certificate has begun
        self.redial(federation)
        until(lambda: federation.sites['north'].log_has('not yet valid'), 'north says so')
        clock.jump(0)
        federation.let_train('north')
        self.settle(federation, 'jumps')

    def test_aggregator_whose_clock_jumps_loses_nothing(self):
        clock = self.clock()
        federation = self.found(SITES, clock=clock.path)
        federation.hold('north')
        federation.start_sites()
        federation.propose('jumps', rounds=3)
        federation.training('jumps', 'north')
        clock.jump(30 * DAY)
        until(lambda: federation.sites['north'].log_has('expired'), 'north is told')
        clock.jump(0)
        federation.let_train('north')
        self.settle(federation, 'jumps')

    def test_an_aggregator_whose_clock_stays_wrong_writes_nothing_that_sites_would_refuse(self):
        federation = self.found(SITES)
        federation.start_sites()
        clock = self.clock()
        clock.jump(HOUR)
        federation.aggregator.stop()
        federation.aggregator.start(clock=clock.path)
        federation.propose('ahead', rounds=2)
        until(lambda: federation.aggregator.log_has(
            'nothing is recorded: the clocks of most connected sites differ'), 'it is said')
        clock.jump(0)
        self.settle(federation, 'ahead')
        clock.jump(HOUR)  # and stays: most sites show the time before
        federation.propose('stepped', rounds=2)
        self.settle(federation, 'stepped')
        self.assertTrue(federation.aggregator.log_has('the record keeps the time before'))
        self.nobody_dissents(federation)

    def test_a_site_that_starts_with_its_clock_ahead_waits_until_it_is_right(self):
        federation = self.found(SITES)
        clock = self.clock()
        clock.jump(HOUR)
        north = federation.sites['north']
        north.start(clock=clock.path)
        federation.sites['south'].start()
        federation.propose('late', rounds=2)
        # By itself, once; what it cannot do meanwhile says so besides.
        until(lambda: north.log_has('Z the aggregator says that it is '), 'north waits')
        clock.jump(0)
        self.settle(federation, 'late')
        until(lambda: north.log_has('the clock is right again'), 'north says so, too')
        self.nobody_dissents(federation)

    def test_the_end_of_the_issuing_ca_is_announced_before(self):
        federation = self.found(SITES)
        self.assertFalse(federation.aggregator.log_has('the issuing CA ends'))
        clock = self.clock()
        clock.jump(320 * DAY)
        federation.aggregator.stop()
        federation.aggregator.start(clock=clock.path)
        until(lambda: federation.aggregator.log_has('the issuing CA ends '), 'it is said')
        self.assertTrue(federation.aggregator.log_has('dure consortium renew'))

    def nobody_dissents(self, federation):
        for name, site in federation.sites.items():
            self.assertFalse(glob.glob(f'{federation.home(name)}/evidence/*'), name)
            self.assertFalse(site.log_has('dissents'), site.tail())

    def test_an_aggregator_that_started_with_its_clock_ahead_is_dialled_again_when_right(self):
        federation = self.found(SITES)
        clock = self.clock()
        clock.jump(30 * DAY)
        federation.aggregator.stop()
        federation.trust_the_log()
        federation.aggregator.start(clock=clock.path)
        until(lambda: federation.aggregator.log_has('certificates were renewed'), 'of next month')
        clock.jump(0)
        self.redial(federation)
        federation.start_sites()
        federation.propose('right-again', rounds=1)
        federation.complete('right-again')


class StopTest(LifeTest):
    """Told to stop by an operator, whatever a daemon is doing; it goes on when it is back."""

    POINTS = [('site.training', 2), ('site.trained', 1), ('site.encoded', 1),
              ('site.mid-upload', 2), ('site.uploaded', 1), ('site.aggregate-fetched', 1),
              ('site.derived', 1),
              ('aggregator.chunk-received', 8), ('aggregator.summed', 1),
              ('aggregator.after-merge', 1)]

    def test_a_daemon_stopped_in_the_middle_of_anything_ends_in_order_and_goes_on(self):
        federation = self.found(SITES)
        federation.start_sites()
        for number, (point, nth) in enumerate(self.POINTS):
            with self.subTest(point=point):
                ours = point.startswith('aggregator')
                victim = federation.aggregator if ours else federation.sites['north']
                run = f'stopped-{number}'
                victim.stop()
                victim.start(stop_at=f'{point}:{nth}')
                federation.propose(run, rounds=2, seed=number + 1)
                victim.wait_for_stop()
                victim.process.send_signal(signal.SIGTERM)
                victim.go_on()
                self.assertEqual(victim.process.wait(PATIENCE), 0, victim.tail())
                victim.process.stdout.close()
                victim.start()
                federation.complete(run)
                federation.check_run(run)
        federation.check_copies()

    def test_work_that_outlives_its_run_when_the_aggregator_stops_touches_nothing_of_it(self):
        federation = self.found([*SITES, 'west'])
        federation.start_sites()
        aggregator = federation.aggregator
        points = (('before-merge', 'none'), ('before-unmask', 'pairwise'),
                  ('before-measure', 'pairwise'), ('before-derive', 'pairwise'))
        for number, (name, masking) in enumerate(points):
            with self.subTest(point=name):
                run, passed = f'outlived-{number}', f'{self.folder}/passed-{number}'
                aggregator.stop()
                aggregator.start(hold_at=f'aggregator.{name}', until_at='aggregator.desks-gone',
                                 passed=passed)
                federation.propose(run, rounds=1, seed=number + 1, masking=masking)
                until(lambda passed=passed, name=name: self.passes(passed, f'aggregator.{name}'),
                      name)
                self.assertEqual(aggregator.stop(), 0, aggregator.tail())
                aggregator.start()
                federation.complete(run)
                federation.check_run(run)


class PenTest(LifeTest):
    def test_a_seal_that_comes_after_its_attempt_was_given_up_keeps_nobody_from_writing(self):
        federation = self.found(SITES)
        federation.start_sites()
        north = federation.sites['north']
        north.stop()
        # The first attempt ends while its seal is under way; the second's roster waits behind it,
        # for the same copy of the record.
        north.start(hold_at='site.before-seal', until_at='site.roster-heard/late/0/1')
        federation.propose('late', rounds=2, deadline_seconds=15)
        closed = self.settle(federation, 'late')
        self.assertEqual((closed[0]['attempt'], sorted(self.counted(closed[0]))), (1, SITES))


class FoldBackTest(LifeTest):
    @staticmethod
    def kept(federation, run):
        return sorted(os.path.basename(path).split('-')[0] for path in
                      glob.glob(f'{federation.home("north")}/runs/{run}/*.*')
                      if 'residual' in path or 'trained' in path)

    def test_site_killed_while_it_takes_an_uncounted_update_home_does_so_once(self):
        federation = self.found(SITES)
        federation.hold(*SITES)
        federation.start_sites()
        north = federation.sites['north']
        for run, point in (('first', 'site.before-fold'), ('second', 'site.folded')):
            # Without south there is no quorum: north has submitted when the operator stops the run.
            federation.sites['south'].stop()
            federation.sites['south'].start()
            federation.hold_again('north')
            federation.propose(run, rounds=1)
            federation.training(run, 'north')
            federation.sites['south'].kill()
            north.stop()
            federation.let_train('north')
            north.start(crash_at=point)
            federation.watch(run, lambda line: any(
                each['site'] == 'north' and each['state'] in ('submitted', 'receipted')
                for each in line['sites']), 'north has submitted', PATIENCE * 2)
            federation.dure('run', 'stop', '--dir', federation.consortium, run)
            north.wait_for_death()
            north.start()
            until(lambda run=run: north.log_has(f'{run}/0/0: ended'), 'north knows that it is over')
            # What is over is removed on a worker, a little after it is said.
            until(lambda run=run: self.kept(federation, run) == ['residual'],
                  lambda run=run: f'one residual is left: {self.kept(federation, run)}')


if __name__ == '__main__':
    LifeTest.programs = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
