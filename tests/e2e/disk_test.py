"""Each file system call of an append and of a publish fails in turn, or the process dies at it.

    disk_test.py PROGRAMS [unittest arguments]

Needs strace, which injects the failures; without it the tests are skipped and say so. Two appends:
`dure ledger heal`, which commits a member's entries into the aggregator's log, and the aggregator's
own group writer, alone in dure-appending. The publish is `dure ledger export`. Afterwards nothing
may be believed that is not whole: the same command completes, what it leaves passes the strictest
check, and whatever was answered is there.
"""

import collections
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from federation import Federation
from processes import PATIENCE, until

PROGRAMS = ''
CALLS = ['openat', 'write', 'pwrite64', 'fsync', 'fdatasync', 'rename', 'mkdir', 'unlink', 'link',
         'ftruncate', 'fallocate', 'close', 'read', 'pread64']


def contents(folder):
    """Everything below it by its path, with its mode and a digest of its bytes."""
    found = []
    for place, folders, files in os.walk(folder):
        for path in (f'{place}/{name}' for name in files):
            with open(path, 'rb') as file:
                digest = hashlib.sha256(file.read()).hexdigest()
            found.append((path, os.stat(path).st_mode, digest))
        found += [(f'{place}/{name}', os.stat(f'{place}/{name}').st_mode, '') for name in folders]
    return tuple(sorted(found))


@unittest.skipUnless(shutil.which('strace'), 'strace is not installed')
class Injecting(unittest.TestCase):
    program = ''

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='dure-e2e-')
        cls.addClassCleanup(shutil.rmtree, cls.folder)

    def traced(self, inject, *arguments):
        """Runs the command under strace; its exit code, what it said, and what strace saw."""
        trace = f'{self.folder}/trace'
        done = subprocess.run(['strace', '-f', '--seccomp-bpf', '-qq', '-o', trace, *inject,
                               self.program, *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=PATIENCE, check=False)
        with open(trace, encoding='utf-8', errors='replace') as file:
            return done.returncode, done.stdout.decode(errors='replace'), file.read()

    def places(self, fresh, folder, *arguments):
        """Which calls of which kind touch `folder` in a run that nothing disturbs."""
        fresh()
        code, _, trace = self.traced(['-y', '-e', 'trace=' + ','.join(CALLS)], *arguments)
        self.assertEqual(code, 0)
        passed, found = collections.Counter(), []
        for line in trace.splitlines():
            call = re.match(r'\d+\s+(\w+)\(', line)
            if not call or call[1] not in CALLS:
                continue
            passed[call[1]] += 1
            if folder in line:
                found.append((call[1], passed[call[1]]))
        return found

    def each(self, fresh, check, folder, *arguments):
        """`check` looks at what each failure left and said; what left and said the same as one
        before it, byte for byte, needs no second look."""
        places, seen = self.places(fresh, folder, *arguments), set()
        self.assertGreater(len(places), 20, 'strace sees what the command does')
        for call, nth in places:
            for what in ('error=EIO', 'signal=KILL'):
                if what == 'signal=KILL' and call in ('read', 'pread64', 'close'):
                    continue
                with self.subTest(call=call, nth=nth, what=what):
                    fresh()
                    code, said, _ = self.traced(['-e', f'trace={call}', '-e',
                                                 f'inject={call}:{what}:when={nth}'], *arguments)
                    left = (code, said, contents(folder))
                    if left not in seen:
                        check(code, said)
                        seen.add(left)


class GroupWriterTest(Injecting):
    """The log of the aggregator, which appends in groups and answers after each commit."""

    def setUp(self):
        self.program = os.path.abspath(f'{PROGRAMS}/dure-appending')
        self.home = f'{self.folder}/log'

    def run_it(self, *arguments):
        done = subprocess.run([self.program, *arguments], stdout=subprocess.PIPE, text=True,
                              timeout=PATIENCE, check=False)
        return done.returncode, done.stdout.splitlines()

    def test_what_was_answered_is_there_and_the_rest_is_whole(self):
        old = f'{self.folder}/old'
        os.mkdir(old)
        self.assertEqual(self.run_it('append', old, '3')[0], 0)

        def fresh():
            shutil.rmtree(self.home, ignore_errors=True)
            shutil.copytree(old, self.home)

        def check(code, said):
            self.assertIn(code, (0, 1, 3, -9), 'it fails in order, or dies')
            found, there = self.run_it('check', self.home)
            self.assertEqual(found, 0, 'the log opens and verifies')
            answered = [line for line in said.splitlines() if line.count(' ') == 1]
            self.assertLessEqual(set(answered), set(there))
            self.assertEqual(len(answered) if code == 0 else 8, 8)
            self.assertEqual(self.run_it('append', self.home, '2')[0], 0, 'and goes on')
        self.each(fresh, check, self.home, 'append', self.home, '8')


class InjectingDure(Injecting):
    """The command line tool, over the record of a federation of one round."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.all = Federation(PROGRAMS, f'{cls.folder}/all', ['north'])
        cls.addClassCleanup(cls.all.kill)
        cls.all.start_sites()
        cls.all.aggregator.stop()
        shutil.copytree(cls.all.home('aggregator'), f'{cls.folder}/old')
        cls.all.aggregator.start()
        cls.all.propose('first', rounds=1)
        cls.all.complete('first')
        until(lambda: cls.all.sites['north'].log_has('first/0/0: ended'), 'north knows the end')
        cls.all.stop()
        cls.vkey = cls.all.dure('ledger', 'head', '--dir', cls.all.home('north'))['vkey']
        cls.program = os.path.abspath(cls.all.programs.path('dure'))


class AppendTest(InjectingDure):
    def test_an_append_fails_or_dies_at_each_call_and_nothing_half_written_is_believed(self):
        home, whole = f'{self.folder}/home', len(self.all.entries('north'))
        arguments = ['ledger', 'heal', '--dir', home, '--from', self.all.home('north')]

        def fresh():
            shutil.rmtree(home, ignore_errors=True)
            shutil.copytree(f'{self.folder}/old', home)

        def check(code, _):
            found = self.all.dure('ledger', 'verify', '--full', '--dir', home)
            self.assertTrue(found['intact'])
            if code == 0:
                self.assertEqual(sum(found['entries'].values()), whole)
            self.all.dure(*arguments)
            found = self.all.dure('ledger', 'verify', '--full', '--dir', home)
            self.assertTrue(found['intact'])
            self.assertEqual(sum(found['entries'].values()), whole)
        self.each(fresh, check, home, *arguments)


class PublishTest(InjectingDure):
    def test_a_publish_fails_or_dies_at_each_call_and_the_next_one_completes_it(self):
        out = f'{self.folder}/out'
        arguments = ['ledger', 'export', '--dir', self.all.home('north'), '--out', out]

        def fresh():
            shutil.rmtree(out, ignore_errors=True)

        def check(code, _):
            if code == 0 or os.path.exists(f'{out}/checkpoint'):
                self.all.dure('ledger', 'fsck', '--tiles', out, '--vkey', self.vkey)
            self.all.dure(*arguments)
            self.all.dure('ledger', 'fsck', '--tiles', out, '--vkey', self.vkey)
        self.each(fresh, check, out, *arguments)

    def test_a_file_is_on_the_disk_before_it_has_its_name_and_its_name_before_the_next_file(self):
        out = f'{self.folder}/ordered'
        code, _, trace = self.traced(['-y', '-e', 'trace=fsync,rename'], 'ledger', 'export',
                                     '--dir', self.all.home('north'), '--out', out)
        self.assertEqual(code, 0)
        # What a power cut takes, no failing call shows: only that the calls are there, in order.
        synced, unnamed, names = set(), None, 0
        for line in trace.splitlines():
            call = re.search(r'fsync\(\d+<(.+?)>\) += 0|rename\("(.+?)", "(.+?)"\) += 0', line)
            if not call:
                continue
            if call[1]:
                synced.add(call[1])
                unnamed = None if call[1] == unnamed else unnamed
                continue
            self.assertIn(call[2], synced, 'its bytes come first')
            self.assertIsNone(unnamed, 'the name of the one before is on the disk')
            unnamed, names = os.path.dirname(call[3]), names + 1
        self.assertGreater(names, 1)
        self.assertIsNone(unnamed, 'and that of the last')


if __name__ == '__main__':
    PROGRAMS = sys.argv.pop(1)
    unittest.main(verbosity=2)
