"""What the record says is what happens: withdrawals, refusals and votes between real processes.

    record_test.py PROGRAMS [unittest arguments]
"""

import glob
import shutil
import signal
import sys
import tempfile
import unittest

from federation import Federation
from processes import until

PROGRAMS = ''


class WithdrawalTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='dure-e2e-')
        self.addCleanup(shutil.rmtree, self.folder)

    def test_work_on_a_dataset_withdrawn_in_its_round_is_not_kept_for_the_next(self):
        federation = Federation(PROGRAMS, self.folder, ['north', 'south'])
        self.addCleanup(federation.kill)
        desk = federation.officer('north')
        federation.start_sites()
        federation.propose('leaving', rounds=2, quorum=1, steps=60)
        federation.watch('leaving', lambda line: any(
            each['site'] == 'south' and each['state'] == 'training' for each in line['sites']),
            'south trains')
        # South stands still while north contributes; then north's officer withdraws its data.
        south = federation.sites['south'].process
        south.send_signal(signal.SIGSTOP)
        self.addCleanup(lambda: south.poll() is None and south.send_signal(signal.SIGCONT))
        until(lambda: any(entry['type'] == 'contribution-receipted'
                          for entry in federation.entries('aggregator', 'leaving')),
              'north has contributed')
        until(lambda: federation.sites['north'].log_has('receipted'), 'north holds its receipt')
        federation.dure('withdraw', 'file', 'north', '--ground', 'consent', '--dir', desk)
        south.send_signal(signal.SIGCONT)
        federation.complete('leaving')
        closed = [entry['event'] for entry in federation.entries('aggregator', 'leaving')
                  if entry['type'] == 'round-closed']
        self.assertEqual([[each['site'] for each in event['submissions']] for event in closed],
                         [['south']] * 2)
        self.assertIn({'site': 'north', 'reason': 'dataset-withdrawn'}, closed[0]['excluded'])
        until(lambda: federation.sites['north'].log_has('ended'), 'north knows the end')
        # Nothing of what was trained on it waits at the site to be contributed later.
        self.assertEqual(glob.glob(f'{federation.home("north")}/runs/leaving/residual*'), [])


if __name__ == '__main__':
    PROGRAMS = sys.argv.pop(1)
    unittest.main(verbosity=2)
