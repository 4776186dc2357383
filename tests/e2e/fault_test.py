"""Broken links, full disks, late and lost sites, revocation: the real processes, seen from outside.

    fault_test.py PROGRAMS [unittest arguments]
"""

import errno
import glob
import os
import subprocess
import sys
import time
import unittest

from faults import SITES, FaultTest
from processes import PATIENCE, SLOWER, until
from relay import Relay

REVOKED_WITHIN = 5.0 * max(SLOWER, 3)  # seconds, on a machine that does much else
MEBIBYTE = 1 << 20


class LinkTest(FaultTest):
    def test_link_cut_in_the_middle_of_uploads_and_restored(self):
        relay = Relay()
        self.addCleanup(relay.close)
        federation = self.found(SITES[:2], relay=relay)
        federation.hold('north')
        federation.start_sites()
        federation.propose('cut')
        federation.training('cut', 'north')
        relay.cut_after(2 * MEBIBYTE)
        federation.let_train('north')
        self.assertTrue(relay.broken.wait(PATIENCE), 'nothing was uploaded')
        for site in federation.sites.values():
            until(lambda site=site: site.log_has('not connected'), 'the site says so')
        relay.heal()
        closed = self.settle(federation, 'cut')
        self.assertEqual([sorted(self.counted(event)) for event in closed], [SITES[:2]] * 2)


    def test_a_persons_command_dials_again_where_no_connection_is_made(self):
        relay = Relay()
        self.addCleanup(relay.close)
        federation = self.found(SITES[:1], relay=relay)
        desk = federation.officer('north')
        relay.refuse(2)  # of the record's connection
        incident = federation.dure('incident', 'report', 'other', '--about', 'north', '--dir',
                                   desk)['index']
        self.assertEqual(relay.refuses(), 0)
        relay.refuse(1)
        listed = federation.dure('incident', 'list', '--dir', desk)['incidents']
        self.assertEqual([(each['entry'], each['status']) for each in listed], [(incident, 'open')])
        self.assertEqual(relay.refuses(), 0)
        relay.refuse(2)
        federation.dure('revoke', '--dir', federation.consortium, '--site', 'north', expect=1)
        self.assertEqual(relay.refuses(), 0)  # it answered: nobody of that name is enrolled


class CohortTest(FaultTest):
    def test_lost_site_is_not_waited_for_and_comes_back(self):
        federation = self.found(SITES)
        federation.hold('north')
        federation.start_sites()
        federation.propose('lost', rounds=6, quorum=2, steps=150, lost_seconds=1, join_seconds=15)
        federation.training('lost', 'north')
        federation.sites['north'].kill()
        federation.let_train('north')
        federation.watch('lost', lambda line: line['round'] >= 2, 'rounds without north')
        federation.sites['north'].start()
        closed = self.settle(federation, 'lost')
        self.assertNotIn('north', self.counted(closed[0]))
        self.assertIn('north', self.counted(closed[-1]))

    def test_site_joins_at_a_later_round(self):
        federation = self.found(SITES)
        federation.start_sites(*SITES[:2])
        federation.propose('joined', rounds=6, quorum=2, steps=100, join_seconds=15)
        federation.watch('joined', lambda line: line['round'] >= 1, 'a round without south')
        federation.start_sites('south')
        closed = self.settle(federation, 'joined')
        self.assertEqual(sorted(self.counted(closed[0])), SITES[:2])
        self.assertEqual(sorted(self.counted(closed[-1])), SITES)

    def part(self, federation, verb, site, run, **options):
        return federation.dure('site', verb, '--dir', federation.home(site), '--run', run,
                               **options)

    def test_site_leaves_a_run_and_joins_it_again_at_its_own_machine(self):
        federation = self.found(SITES)
        federation.hold('north')
        federation.start_sites()
        federation.propose('part', rounds=6, quorum=2, steps=150)
        federation.training('part', 'north')
        self.assertEqual(self.part(federation, 'leave', 'north', 'part')['phase'], 'left')
        federation.let_train('north')
        self.part(federation, 'resync', 'north', 'part', expect=1)
        self.part(federation, 'leave', 'north', 'unknown', expect=1)
        federation.watch('part', lambda line: line['round'] >= 2, 'rounds without north')
        self.assertEqual(self.part(federation, 'join', 'north', 'part')['running'], True)
        closed = self.settle(federation, 'part')
        self.assertNotIn('north', self.counted(closed[0]))
        self.assertIn('north', self.counted(closed[-1]))

    def test_site_without_a_daemon_leaves_when_it_starts_again(self):
        federation = self.found(SITES)
        federation.hold('north')
        federation.start_sites()
        federation.propose('later', rounds=4, quorum=2, steps=150, lost_seconds=1, join_seconds=1)
        federation.training('later', 'north')
        north = federation.sites['north']
        north.kill()
        federation.let_train('north')
        self.assertEqual(self.part(federation, 'leave', 'north', 'later')['asked'], 'leave')
        status = federation.dure('site', 'status', '--dir', federation.home('north'))
        self.assertEqual((status['running'], status['runs'][0]['asked']), (False, 'leave'))
        north.start()
        until(lambda: north.log_has('later: asked here to leave'), 'north does as it was asked')
        status = federation.dure('site', 'status', '--dir', federation.home('north'))
        self.assertEqual(status['runs'][0]['phase'], 'left')
        federation.complete('later')
        closed = federation.check_run('later', ['east', 'south'])
        self.assertNotIn('north', [site for event in closed for site in self.counted(event)])
        self.part(federation, 'join', 'north', 'later')  # the run is over; its model is fetched
        federation.check_run('later')

    def test_second_daemon_in_the_same_folder_is_refused(self):
        federation = self.found(SITES[:2])
        federation.start_sites()
        for daemon in (federation.aggregator, federation.sites['north']):
            second = subprocess.run(
                [federation.programs.path('dure-crashing'), *daemon.arguments, '--json'],
                capture_output=True, text=True, timeout=PATIENCE, check=False)
            self.assertEqual(second.returncode, 1, second.stderr)
            self.assertRegex(second.stderr, 'another|in use|already|running')
            self.assertTrue(daemon.running())
        federation.propose('single', rounds=1)
        self.settle(federation, 'single')


class TwoRunsTest(FaultTest):
    def test_two_runs_of_the_same_start_do_not_take_each_others_blobs(self):
        federation = self.found(SITES[:2])
        federation.start_sites()
        runs = ['first', 'second', 'third']  # same scales: one removes what another still needs
        for run in runs:
            federation.propose(run, rounds=3)
        for run in runs:
            federation.complete(run)
        for run in runs:
            self.settle(federation, run)


class RevocationTest(FaultTest):
    def revoke(self, federation, site):
        federation.dure('revoke', '--dir', federation.consortium, '--site', site, '--reason',
                        'left')
        began = time.monotonic()
        until(lambda: federation.sites[site].log_has('revoked'), f'{site} hears of it')
        self.assertLess(time.monotonic() - began, REVOKED_WITHIN)

    def test_revoked_site_is_out_within_seconds_and_the_run_goes_on(self):
        federation = self.found(SITES)
        federation.hold('north')
        federation.start_sites()
        federation.propose('on', rounds=3, quorum=2)
        federation.training('on', 'north')
        self.revoke(federation, 'north')
        closed = self.settle(federation, 'on', ['east', 'south'])
        self.assertEqual([sorted(self.counted(event)) for event in closed],
                         [['east', 'south']] * 3)
        # Nor is it waited for when the model is measured.
        measured = {each['site']: each for each in federation.dure(
            'model', 'evaluate', '--dir', federation.consortium, '--run', 'on')['results']}
        self.assertEqual([measured[site].get('error') for site in SITES], [None, 'revoked', None])
        self.assertGreater(measured['east']['bytes'], 0)

    def test_run_pauses_with_a_reason_when_too_few_are_left(self):
        federation = self.found(SITES[:2])
        federation.hold('north')
        federation.start_sites()
        federation.propose('few', rounds=2, join_seconds=1)
        federation.training('few', 'north')
        self.revoke(federation, 'north')
        line = federation.watch('few', lambda line: line['phase'] == 'paused', 'a pause')
        self.assertEqual(line['reason'], 'too-few-sites')
        self.assertEqual(line['closed'], [])
        missing = federation.show('few')['waiting']['missing']
        self.assertIn(('north', 'revoked'), [(each['site'], each['cause']) for each in missing])

    def test_lifted_site_is_told_to_enrol_with_new_keys_and_the_run_goes_on(self):
        federation = self.found(SITES[:2])
        federation.hold('north')
        federation.start_sites()
        federation.propose('back', rounds=2, join_seconds=1)
        federation.training('back', 'north')
        self.revoke(federation, 'north')
        federation.watch('back', lambda line: line['phase'] == 'paused', 'a pause')
        lifted = federation.dure('revoke', '--dir', federation.consortium, '--site', 'north',
                                 '--lift')
        self.assertEqual(lifted['keys_ended'], ['north'])
        # Nor may a person go on asking with keys that are ended.
        desk = federation.officer('south')
        for lift in ([], ['--lift']):
            federation.dure('revoke', '--dir', federation.consortium, '--site', 'south-desk', *lift)
        asked = ('grant', 'request', '--model', '0' * 64, '--dir', desk)
        self.assertIn('--new-keys', federation.fails(*asked, expect=3))
        north = federation.sites['north']
        until(lambda: north.log_has('--new-keys'), 'north hears why it is not let in')
        self.assertEqual(federation.show('back')['phase'], 'paused')
        invitation = federation.invite('north')
        enrol = ('site', 'enrol', invitation, '--dir', federation.home('north'))
        federation.dure(*enrol, '--new-keys', expect=1)  # under a running daemon
        north.stop()
        federation.dure(*enrol, expect=3)  # with the keys that are ended
        federation.dure(*enrol, '--new-keys')
        federation.dure(*enrol, '--new-keys')  # again, as after a lost answer
        federation.let_train('north')
        north.start()
        closed = self.settle(federation, 'back')
        self.assertEqual([sorted(self.counted(event)) for event in closed], [SITES[:2]] * 2)
        self.assertFalse(north.log_has('are not co-signed'))

    def test_proposal_ends_when_the_aggregator_dies_during_its_upload(self):
        federation = self.found(SITES[:2])
        federation.aggregator.stop()
        federation.trust_the_log()
        federation.aggregator.start(crash_at='aggregator.chunk-received:2')
        with federation.proposing('dead', patience_seconds=2) as proposal:
            federation.aggregator.wait_for_death()
            self.assertEqual(proposal.wait(PATIENCE), 4)
        federation.aggregator.start()
        federation.start_sites()
        federation.propose('dead')
        self.settle(federation, 'dead')

    def test_what_sites_uploaded_for_a_run_that_was_stopped_takes_no_room(self):
        federation = self.found(SITES[:2])
        blobs = f'{federation.home("aggregator")}/blobs'
        federation.propose('left', rounds=1)
        kept = set(os.listdir(f'{blobs}/blobs'))
        north, south = (federation.sites[site] for site in SITES[:2])
        south.start(stop_at='site.uploaded')  # whole, and never submitted
        north.start(crash_at='site.mid-upload:2')
        north.wait_for_death()
        south.wait_for_stop()
        self.assertEqual(len(glob.glob(f'{blobs}/spools/*.part')), 1)
        self.assertGreater(set(os.listdir(f'{blobs}/blobs')), kept)
        federation.dure('run', 'stop', '--dir', federation.consortium, 'left')
        until(lambda: not os.listdir(f'{blobs}/spools')
              and set(os.listdir(f'{blobs}/blobs')) == kept, 'the room is given back')

    def test_site_may_not_propose_a_run(self):
        federation = self.found(SITES[:2])
        federation.dure('run', 'start', '--dir', federation.home('north'), '--name', 'mine',
                        '--model', f'{self.folder}/model.json', expect=3)


class DiskTest(FaultTest):
    def small_disk(self, where, mebibytes):
        if os.geteuid() != 0:
            self.skipTest('a small disk is a mount, and a mount needs root')
        made = subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={mebibytes}m', 'tmpfs', where],
                              capture_output=True, check=False)
        if made.returncode != 0:
            self.skipTest('no mounts here')
        self.addCleanup(subprocess.run, ['umount', '--lazy', where], check=False)

    def fill(self, where, left):
        """Takes all room but `left` bytes; returns the file whose removal gives it back."""
        ballast = f'{where}/ballast'
        with open(ballast, 'wb', buffering=0) as file:
            for block in (1 << 20, 1 << 12):
                try:  # a daemon may be writing too: what counts is that nothing more fits
                    while file.write(bytes(block)) == block:
                        pass
                except OSError as full:
                    assert full.errno == errno.ENOSPC, full
            file.truncate(max(0, file.tell() - left))
        return ballast

    def with_disk_at(self, who, names=SITES[:2]):
        home = f'{self.folder}/{"north" if who == "north" else "consortium"}'
        os.makedirs(home)
        self.small_disk(home, 256)
        federation = self.found(names)
        federation.hold('north')
        federation.start_sites()
        return federation, home

    def test_full_disk_at_a_site_is_said_and_survived(self):
        federation, home = self.with_disk_at('north')
        federation.propose('full', rounds=2)
        federation.training('full', 'north')
        ballast = self.fill(home, left=64 << 10)
        federation.let_train('north')
        site = federation.sites['north']
        until(lambda: site.log_has('disk') or site.log_has('room') or site.log_has('space'),
              'the site says that its disk is full')
        self.assertTrue(site.running())
        os.remove(ballast)
        self.settle(federation, 'full')

    def test_a_site_without_room_trains_again_until_there_is_some_and_no_attempt_is_lost(self):
        federation, home = self.with_disk_at('north')
        federation.propose('room', rounds=1)
        federation.training('room', 'north')
        ballast = self.fill(home, left=64 << 10)
        federation.let_train('north')
        site = federation.sites['north']
        until(lambda: site.log_count('training ended') >= 2, 'the site has tried twice')
        os.remove(ballast)
        self.settle(federation, 'room')
        types = [entry['type'] for entry in federation.entries('aggregator', 'room')]
        self.assertNotIn('round-abandoned', types)

    def test_what_was_trained_waits_for_room_to_be_encoded(self):
        self.check_wait_for_room(SITES[:2])

    def test_what_was_trained_waits_for_room_to_be_masked(self):
        self.assertIn('sums', self.check_wait_for_room(SITES)[0])

    def check_wait_for_room(self, names):
        federation, home = self.with_disk_at('north', names)
        site = federation.sites['north']
        federation.let_train('north')
        site.stop()
        site.start(stop_at='site.trained')
        federation.propose('kept', rounds=1)
        site.wait_for_stop()
        ballast = self.fill(home, left=MEBIBYTE)  # the state, and no vector, has room
        site.go_on()
        until(lambda: site.log_count('cannot be encoded') >= 2,
              lambda: f'the site has tried twice: {site.tail()}')
        os.remove(ballast)
        closed = self.settle(federation, 'kept')
        self.assertEqual(site.log_count('kept/0/0: training'), 1)
        types = [entry['type'] for entry in federation.entries('aggregator', 'kept')]
        self.assertNotIn('round-abandoned', types)
        return closed

    def test_full_disk_at_the_aggregator_is_said_and_survived(self):
        federation, home = self.with_disk_at('aggregator')
        federation.propose('full', rounds=2)
        federation.training('full', 'north')
        ballast = self.fill(home, left=64 << 10)
        federation.let_train('north')
        site = federation.sites['north']
        until(lambda: site.log_has('disk') or site.log_has('room') or site.log_has('space'),
              'the site says that the disk over there is full')
        self.assertTrue(federation.aggregator.running())
        upload = 'take what sites upload'
        until(lambda: federation.aggregator.log_has(f'cannot {upload}: reserving '), 'it does, too')
        os.remove(ballast)
        self.settle(federation, 'full')
        self.assertTrue(federation.aggregator.log_has(f'can {upload} again'))
        self.assertEqual(federation.aggregator.log_count(f'cannot {upload}'), 1)

    def test_what_sites_upload_leaves_room_for_the_record(self):
        federation, home = self.with_disk_at('aggregator')
        federation.propose('kept', rounds=1)
        federation.training('kept', 'north')
        ballast = self.fill(home, left=4 * MEBIBYTE)  # one upload, and less than is kept
        federation.let_train('north')
        until(lambda: federation.aggregator.log_has('cannot take what sites upload: reserving '),
              'it takes nothing')
        size = max(entry['index'] for entry in federation.entries('aggregator'))
        federation.officer('north')
        self.assertGreater(max(entry['index'] for entry in federation.entries('aggregator')), size)
        os.remove(ballast)
        self.settle(federation, 'kept')


if __name__ == '__main__':
    FaultTest.programs = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
