"""What suites of single faults share: a federation in a folder, and what must hold in the end."""

import shutil
import tempfile
import unittest

from federation import Federation

SITES = ['east', 'north', 'south']


class FaultTest(unittest.TestCase):
    programs = ''  # where they lie; set by the suite
    relay = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='dure-e2e-')
        self.addCleanup(shutil.rmtree, self.folder)

    def found(self, names, **options):
        federation = Federation(self.programs, self.folder, names, **options)
        self.addCleanup(federation.kill)
        return federation

    def settle(self, federation, run, sites=None):
        """What holds at the end of every run, whatever happened on the way."""
        federation.complete(run)
        closed = federation.check_run(run, sites)
        federation.check_receipts(run, closed)
        federation.check_copies(sites)
        return closed

    @staticmethod
    def counted(event):
        return [each['site'] for each in event['submissions']]
