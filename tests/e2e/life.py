"""What the suites of life outside the rounds share: two sites, and a clock that a test sets."""

from faults import FaultTest
from processes import Clock

SITES = ['north', 'south']


class LifeTest(FaultTest):
    @staticmethod
    def passes(path, point):
        with open(path, encoding='utf-8') as passed:
            return f'{point}\n' in passed.read()

    def clock(self):
        return Clock(f'{self.folder}/clock')
