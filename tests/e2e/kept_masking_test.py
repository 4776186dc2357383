"""What is on disk of masked rounds when a daemon starts that did not write it.

    kept_masking_test.py PROGRAMS [unittest arguments]

An older version's state is taken over, without the attempt that was under way; what nobody can read
costs that one run, and no daemon refuses to start. Nothing is released twice: peers and history
would say so.
"""

import contextlib
import sqlite3
import struct
import sys
import unittest

from masked import LOOSE, PATIENT, SITES, MaskingTest
from processes import until

LONG = {'rounds': 5, 'steps': 30, 'deadline_seconds': 20, **LOOSE}
SLOW = {**LONG, **PATIENT}


class Fields:
    """Reads canonical bytes, one field after another; gives what it has read as it stood."""

    def __init__(self, value):
        self.value, self.at = value, 0

    def take(self, size):
        self.at += size
        return self.value[self.at - size:self.at]

    def number(self):
        return struct.unpack('<I', self.take(4))[0]

    def raw(self, read):
        begin = self.at
        read()
        return self.value[begin:self.at]

    def text(self):
        self.take(self.number())

    def each(self, read):
        return [self.raw(read) for _ in range(self.number())]

    def if_any(self, size):
        if self.take(1) == b'\1':
            self.take(size)

    def a_sum(self):
        self.take(4)
        self.each(self.text)


def history_before(half):
    """A site's half whose history has, of what was signed last, the sums alone."""
    fields = Fields(half)
    fields.text()
    fields.take(1)
    fields.if_any(40)  # released last
    fields.if_any(40)  # signed last
    fields.take(4)
    begin, pending = fields.at, set()

    def attempt():
        fields.each(fields.text)
        fields.take(8)
        pending.update(fields.each(fields.a_sum))
    fields.each(attempt)
    sums = struct.pack('<I', len(pending)) + b''.join(sorted(pending))
    return half[:begin] + sums + half[fields.at:]


def unbound(rest):
    """What follows a site's half, without which attempt of a round its context is for."""
    fields = Fields(rest)
    fields.take(40)  # the round and scalars of what was masked last
    begin = fields.at
    if fields.take(1) == b'\1':
        fields.take(32)
        fields.text()
        fields.take(20)
    return rest[:begin] + rest[fields.at:]


def of_version(number):
    """A site's state as an older version had it; in the first, its half lacked the last digest."""
    def older(value):
        version, length = struct.unpack_from('<II', value)
        assert version == 5, version
        half, rest = value[8:8 + length], value[8 + length:]
        if number < 4:
            rest = unbound(rest)
        if number < 3:
            half = history_before(half)
        if number == 1:
            half = half[:-32]
        return struct.pack('<II', number, len(half)) + half + rest
    return older


def before(state):
    """A run's state as form 5 had it: without whether the run was over."""
    assert state[:4] == struct.pack('<I', 6), state[:4]
    return struct.pack('<I', 5) + state[5:]


def unknown(value):
    return struct.pack('<I', 99) + value[4:]


class KeptMaskingTest(MaskingTest):
    def rewrite(self, name, run, change, what='masking'):
        """Of a daemon that is stopped."""
        path = self.federation.home(name)
        path += '/aggregator.db' if name == 'aggregator' else '/site.db'
        with contextlib.closing(sqlite3.connect(path)) as store:
            key = f'run/{run}/{what}'
            row = store.execute('SELECT value FROM entry WHERE name = ?', (key,)).fetchone()
            store.execute('UPDATE entry SET value = ? WHERE name = ?', (change(bytes(row[0])), key))
            store.commit()

    def during(self, run, name, change, what='masking', options=None):
        """The daemon is stopped in the middle of a run, and finds this when it starts again."""
        federation = self.federation
        daemon = federation.aggregator if name == 'aggregator' else federation.sites[name]
        federation.propose(run, **options or LONG)
        federation.watch(run, lambda line: line['round'] >= 2, 'round 2')
        daemon.stop()
        self.rewrite(name, run, change, what)
        daemon.start()
        return daemon

    def test_an_older_versions_state_is_taken_over_and_the_site_goes_on_in_the_run(self):
        for version in (4, 3, 2, 1):
            with self.subTest(version=version):
                run = f'older-{version}'
                west = self.during(run, 'west', of_version(version), options=SLOW)
                assert west.log_count("an older version's state was taken over") == 5 - version
                closed = self.settle_long(run)
                assert 'west' in [each['site'] for each in closed[-1]['submissions']], closed[-1]
                # Its history came over too: peers heard of its release of round 0 in round 1, and
                # know a site that forgot.
                assert not any(self.said(site, run, 'REFUSE_STALE: west') for site in SITES)

    def test_what_nobody_can_read_costs_the_site_that_run_and_no_other(self):
        west = self.during('unknown', 'west', unknown, options=SLOW)
        assert west.log_has('what was signed and released in this run cannot be read')
        until(lambda: self.said('west', 'unknown', '(masking-state-lost)'), 'west declines')
        closed = self.settle_long('unknown')
        assert 'west' not in [each['site'] for each in closed[-1]['submissions']], closed[-1]
        until(lambda: self.said('west', 'unknown', 'ended (complete)'), 'west holds the model')
        west.stop()
        west.start()
        until(lambda: west.log_has('which has ended, left of it cannot be read, and is dropped'),
              'nothing is missed of a run that is over')
        west.stop()
        west.start()
        self.federation.propose('after-unknown')
        assert all(len(event['submissions']) == 4 for event in self.settle('after-unknown'))

    def test_an_aggregator_that_cannot_read_it_begins_no_attempt_and_says_why(self):
        federation = self.federation
        aggregator = self.during('lost', 'aggregator', unknown)
        assert aggregator.log_has('which sums were released cannot be read')
        federation.watch('lost', lambda line: line['phase'] == 'paused', 'it is paused')
        abandoned = [entry['event']['reason'] for entry in federation.entries('aggregator', 'lost')
                     if entry['type'] == 'round-abandoned']
        assert abandoned and set(abandoned[-3:]) == {'masking-state-lost'}, abandoned
        federation.dure('run', 'stop', '--dir', federation.consortium, 'lost')
        federation.propose('after-lost')
        self.settle('after-lost')
        aggregator.stop()
        aggregator.start()
        assert aggregator.log_has('which has ended, left of it cannot be read, and is dropped')

    def test_states_of_the_form_before_are_taken_over_and_the_run_goes_on(self):
        self.during('site-before', 'west', before, 'state', SLOW)
        closed = self.settle_long('site-before')
        assert 'west' in [each['site'] for each in closed[-1]['submissions']], closed[-1]
        self.during('all-before', 'aggregator', before, 'state', SLOW)
        closed = self.settle_long('all-before')
        assert all(len(event['submissions']) == 4 for event in closed), closed

    def test_a_run_that_a_site_cannot_read_costs_it_that_run_and_no_other(self):
        federation = self.federation
        west = self.during('unread', 'west', unknown, 'state')
        assert west.log_has('unread: SET ASIDE: the state of a participation was kept by another')
        federation.complete('unread')
        closed = federation.check_run('unread', SITES[:3])
        assert 'west' not in [each['site'] for each in closed[-1]['submissions']], closed[-1]
        said = federation.fails('site', 'leave', '--dir', federation.home('west'), '--run',
                                'unread', expect=1)
        assert 'declines the rounds' in said, said
        federation.propose('beside')
        assert all(len(event['submissions']) == 4 for event in self.settle('beside'))

    def test_a_run_that_the_aggregator_cannot_read_is_set_aside_and_the_others_go_on(self):
        federation = self.federation
        aggregator = self.during('aside', 'aggregator', unknown, 'state')
        assert aggregator.log_has('aside: SET ASIDE: the state of a run was kept by another')
        runs = {each['run']: each for each in
                federation.dure('run', 'list', '--dir', federation.consortium)['runs']}
        assert runs['aside']['phase'] == 'set-aside' and 'form 99' in runs['aside']['reason'], runs
        said = federation.fails('run', 'show', '--dir', federation.consortium, 'aside', expect=1)
        assert 'dure run stop' in said, said
        federation.propose('others')
        self.settle('others')
        federation.dure('run', 'stop', '--dir', federation.consortium, 'aside')
        until(lambda: any(entry['type'] == 'run-halted' and
                          entry['event']['reason'] == 'state-unreadable'
                          for entry in federation.entries('aggregator', 'aside')),
              'the record says that it is given up')
        aggregator.stop()
        self.rewrite('aggregator', 'others', unknown, 'state')
        aside = aggregator.log_count('SET ASIDE')
        aggregator.start()
        assert aggregator.log_count('SET ASIDE') == aside, 'of a run that is over'
        assert aggregator.log_has('others: has ended, and what is kept of it is left aside')

    def test_a_site_that_submits_to_a_run_set_aside_takes_part_in_others_and_hears_of_its_end(self):
        federation = self.federation
        north, aggregator = federation.sites['north'], federation.aggregator
        north.stop()
        north.start(stop_at='site.signed')
        federation.propose('held', rounds=2)
        north.wait_for_stop()
        aggregator.stop()
        self.rewrite('aggregator', 'held', unknown, 'state')
        aggregator.start()
        north.go_on()
        federation.propose('beside-held')
        assert all(len(event['submissions']) == 4 for event in self.settle('beside-held'))
        federation.dure('run', 'stop', '--dir', federation.consortium, 'held')
        for site in SITES:
            until(lambda site=site: self.said(site, 'held', 'ended (state-unreadable)'), site)

    def settle_long(self, run):
        self.federation.complete(run)
        closed = self.federation.check_run(run)
        self.federation.check_receipts(run, closed)
        return closed


if __name__ == '__main__':
    MaskingTest.programs = sys.argv.pop(1)
    unittest.main(verbosity=2)
