"""The stage of adversary_test.py: a consortium that has closed one honest round, whose aggregator
then lies."""

import contextlib
import glob
import re
import shutil
import sqlite3
import tempfile
import unittest

from federation import SMALL, Federation
from processes import Daemon, until

ENTRIES_OF_A_ROUND = 3 + 1 + 2 * 3 + 1  # admissions, opening, contributions and receipts, closing
SITES = ['east', 'north', 'south']
HOUSE_RULES = '''policy "H House" ko "H 규칙" version 1 effective 2026-09-01

rule H1 forbid train
  title "Not for energy" ko "에너지에는 쓰지 않는다"
  when run.sector exists and run.sector is energy
  because "Run {run.id} is in the sector {run.sector}."
       ko "학습 {run.id}의 분야는 {run.sector}입니다."
end
'''


class LiedToTest(unittest.TestCase):
    """Each test begins from the same folder: a consortium that has closed one honest round."""

    programs = ''

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='dure-e2e-')
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.all = Federation(cls.programs, f'{cls.folder}/now', [], model=SMALL)
        cls.addClassCleanup(cls.all.kill)
        for site in SITES:
            cls.all.admit(site, terms='research-only' if site == 'east' else 'open')
        cls.desk = cls.all.officer('north')
        cls.all.start_sites()
        cls.all.propose('first', rounds=1)
        cls.all.complete('first')
        cls.all.stop()
        shutil.copytree(f'{cls.folder}/now', f'{cls.folder}/before')

    def setUp(self):
        self.addCleanup(self.all.kill)

    def tearDown(self):
        self.all.kill()
        shutil.rmtree(f'{self.folder}/now')
        shutil.copytree(f'{self.folder}/before', f'{self.folder}/now')

    def forge(self, act, *sites, colluder=None):
        """The lying aggregator in the place of the honest one, and these sites or all."""
        self.when = f'{self.folder}/now/when'
        self.honest = honest = self.all.aggregator
        self.addCleanup(setattr, self.all, 'aggregator', honest)
        options = honest.arguments
        self.all.aggregator = Daemon(self.all.programs, [
            f'{self.all.consortium}/aggregator', options[options.index('--listen') + 1],
            options[options.index('--listen-enrol') + 1], act, self.when,
            *([self.all.home(colluder)] if colluder else [])], honest.log, program='dure-forging')
        self.all.aggregator.start()
        self.all.start_sites(*sites)

    def act(self):
        with open(self.when, 'w', encoding='ascii'):
            pass

    def training(self, run, **options):
        """A run of many short rounds, of which one has closed."""
        self.all.propose(run, rounds=200, quorum=2, steps=2, **options)
        self.all.watch(run, lambda line: line['round'] >= 1, 'a round closed')
        return run

    def propose_house_rules(self):
        """The entry of the proposal."""
        with open(f'{self.folder}/house.policy', 'w', encoding='utf-8') as file:
            file.write(HOUSE_RULES)
        return str(self.all.dure('policy', 'propose', f'{self.folder}/house.policy', '--dir',
                                 self.desk)['index'])

    def named(self, *words, sites=('north', 'south')):
        """Every site says so, keeps the evidence, and takes part in nothing any more.

        Within a round: no copy holds more entries after the lie than a round has."""
        self.said(*words, sites=sites)
        if lied := re.search(r'lied at entry (\d+)', self.all.aggregator.tail(100000)):
            for site in sites:
                size = self.all.dure('ledger', 'head', '--dir', self.all.home(site))['size']
                self.assertLessEqual(size, int(lied[1]) + ENTRIES_OF_A_ROUND, site)
                self.assertLessEqual(self.cosigned(site), int(lied[1]),
                                     f'{site} co-signs no head with that entry in it')
        self.all.propose('after', rounds=1, quorum=2)
        for site in sites:
            daemon = self.all.sites[site]
            until(lambda d=daemon: d.log_has('after/0/0: idle (record-refused)'),
                  lambda d=daemon: f'it declines; it says {d.tail(4000)}')

    def cosigned(self, site):
        """The largest head that the site co-signed, as its own copy has it."""
        with contextlib.closing(sqlite3.connect(
                f'file:{self.all.home(site)}/ledger.db?mode=ro', uri=True)) as copy:
            return copy.execute('SELECT max(size) FROM cosignature WHERE cosigner LIKE ?',
                                (f'{site}/auditor%',)).fetchone()[0]

    def said(self, *words, sites):
        for site in sites:
            daemon = self.all.sites[site]
            until(lambda d=daemon: all(d.log_has(word) for word in words),
                  lambda d=daemon: f'{words}; it says {d.tail(4000)}')
            self.assertTrue(glob.glob(f'{self.all.home(site)}/evidence/*'), site)
