"""What the suites of life outside the rounds begin with: a federation of one test."""

import shutil
import tempfile
import unittest

from federation import Federation
from processes import Clock

SITES = ['north', 'south']


class LifeTest(unittest.TestCase):
    programs = ''

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='dure-e2e-')
        self.addCleanup(shutil.rmtree, self.folder)

    def found(self, names, **options):
        federation = Federation(self.programs, self.folder, names, **options)
        self.addCleanup(federation.kill)
        return federation

    def settle(self, federation, run, sites=None):
        federation.complete(run)
        closed = federation.check_run(run, sites)
        federation.check_receipts(run, closed)
        federation.check_copies(sites)

    @staticmethod
    def passes(path, point):
        with open(path, encoding='utf-8') as passed:
            return f'{point}\n' in passed.read()

    def training(self, federation, run, site):
        federation.watch(run, lambda line: any(
            each['site'] == site and each['state'] == 'training' and each['step'] > 1
            for each in line['sites']), f'{site} is training')

    def clock(self):
        return Clock(f'{self.folder}/clock')
