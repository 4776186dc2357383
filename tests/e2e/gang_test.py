"""A site that trains in several processes: rounds, a rank that dies, a rank that hangs.

    gang_test.py PROGRAMS [unittest arguments]
"""

import os
import re
import shutil
import signal
import sys
import tempfile
import unittest

from federation import Federation
from processes import until

PROGRAMS = ''
SITES = ['north', 'south']


class GangTest(unittest.TestCase):
    def found(self, *ranks):
        """Two sites, of which north trains with these options."""
        folder = tempfile.mkdtemp(prefix='dure-e2e-')
        self.addCleanup(shutil.rmtree, folder)
        federation = Federation(PROGRAMS, folder, SITES)
        self.addCleanup(federation.kill)
        federation.sites['north'].arguments += ['--ranks', *ranks]
        federation.start_sites()
        return federation

    @staticmethod
    def training(federation, run):
        federation.watch(run, lambda line: any(
            each['site'] == 'north' and each['state'] == 'training' and each['step'] > 1
            for each in line['sites']), 'north is training')

    def settle(self, federation, run):
        federation.complete(run)
        closed = federation.check_run(run)
        federation.check_receipts(run, closed)
        federation.check_copies()
        return closed[-1]['model']

    def run_to_the_end(self, disturb, *ranks, steps=60):
        federation = self.found(*ranks)
        federation.propose('gang', steps=steps, seed=7)
        if disturb:
            self.training(federation, 'gang')
            disturb(federation, sorted(federation.sites['north'].trainers()))
        return federation, self.settle(federation, 'gang')

    def test_a_rank_killed_while_it_trains_changes_nothing_in_the_end(self):
        def kill(federation, ranks):
            self.assertEqual(len(ranks), 2)
            os.kill(ranks[1], signal.SIGKILL)
            north = federation.sites['north']
            until(lambda: north.log_has('training ended'), 'the site hears of it')
            # Whoever was quicker: rank 0 that lost the other, or the launcher that saw it end.
            self.assertRegex(north.tail(), r'rank 1 (of 2 )?\(host \S+, process '
                             + re.escape(str(ranks[1])) + r'\)')
            until(lambda: len(fresh := north.trainers()) == 2 and not set(fresh) & set(ranks),
                  'a fresh gang is up')

        _, disturbed = self.run_to_the_end(kill, '2', steps=150)
        _, quiet = self.run_to_the_end(None, '2', steps=150)
        self.assertEqual(disturbed, quiet)

    def test_a_rank_that_hangs_is_found_and_the_round_goes_on(self):
        def hang(federation, ranks):
            os.kill(ranks[2], signal.SIGSTOP)
            north = federation.sites['north']
            named = re.compile(rf'rank 2 \(host \S+, process {ranks[2]}\).*gave no sign')
            until(lambda: named.search(north.tail(10**6)),
                  lambda: f'the hanging rank is named; {north.tail()}')

        self.run_to_the_end(hang, '3', '--zero', '3', '--rank-patience', '10', steps=100)

    def test_a_gang_in_bf16_trains_with_others_where_its_processor_can_and_says_so_elsewhere(self):
        federation = self.found('2', '--precision', 'bf16')
        federation.propose('rounded', steps=4)
        if federation.dure('site', 'doctor')['cpu']['bf16']:
            self.settle(federation, 'rounded')
        else:
            north = federation.sites['north']
            until(lambda: north.log_has('--precision fp32'), lambda: north.tail())


if __name__ == '__main__':
    PROGRAMS = sys.argv.pop(1)
    unittest.main(verbosity=2)
