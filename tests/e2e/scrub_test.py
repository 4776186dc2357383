"""A byte of the record's file rots on a disk, under daemons that run and ones that do not.

    scrub_test.py PROGRAMS [unittest arguments]
"""

import glob
import shutil
import sqlite3
import sys
import tempfile
import unittest

from federation import SMALL, Federation
from processes import until

PROGRAMS = ''
EVERY = ['--scrub-hours', '0.0003']  # a second


def rot(folder, kind):
    """Turns one bit of an entry of that kind in the folder's files; its index."""
    with sqlite3.connect(f'{folder}/ledger.db') as db:
        index, entry = db.execute(
            'SELECT idx,bytes FROM entry WHERE type=? ORDER BY idx LIMIT 1', (kind,)).fetchone()
        others = [row[0] for row in db.execute('SELECT bytes FROM entry WHERE idx<>?', (index,))]
    turned = 0
    # A page may stand in the log of writes, in the file, or in both; a long entry in several pages.
    for start in range(200, len(entry) - 40, 40):
        if any(entry[start:start + 40] in other for other in others):
            continue
        for path in glob.glob(f'{folder}/ledger.db') + glob.glob(f'{folder}/ledger.db-wal'):
            with open(path, 'r+b') as file:
                data = file.read()
                at = data.find(entry[start:start + 40])
                while at >= 0:
                    file.seek(at)
                    file.write(bytes([data[at] ^ 1]))
                    turned += 1
                    at = data.find(entry[start:start + 40], at + 1)
        if turned:
            return index
    raise AssertionError(f'the bytes of entry {index} are in no file')


class ScrubTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='dure-e2e-')
        self.addCleanup(shutil.rmtree, self.folder)
        self.all = Federation(PROGRAMS, self.folder, ['north', 'south'], model=SMALL)
        self.addCleanup(self.all.kill)

    def begin(self):
        self.all.start_sites()
        self.all.propose('first', rounds=1)
        self.all.complete('first')
        until(lambda: all(each.log_has('first/0/0: ended') for each in self.all.sites.values()),
              'the sites know the end')

    def goes_on(self):
        self.all.propose('second', rounds=1)
        self.all.complete('second')
        self.all.check_run('second')
        self.all.check_copies()

    def test_a_running_aggregator_names_it_and_is_given_the_entry_by_a_member(self):
        aggregator = self.all.aggregator
        aggregator.stop()
        aggregator.arguments += EVERY
        aggregator.start()
        self.begin()
        index = rot(self.all.home('aggregator'), 'round-closed')
        until(lambda: aggregator.log_has(f'ROTTED: entry {index} (round-closed)'), 'it is named')
        until(lambda: aggregator.log_has('mended from the copy of '), 'it is mended')
        status = self.all.dure('aggregator', 'status', '--dir', self.all.consortium)
        self.assertEqual((status['scrub']['mended'], status['scrub']['rotted']), (1, []))
        self.all.dure('ledger', 'scrub', '--dir', self.all.home('aggregator'))
        self.goes_on()

    def test_a_running_site_has_it_back_from_the_aggregator(self):
        north = self.all.sites['north']
        north.arguments += EVERY
        self.begin()
        index = rot(self.all.home('north'), 'contribution-submitted')
        until(lambda: north.log_has(f'ROTTED: entry {index} (contribution-submitted)'), 'named')
        until(lambda: north.log_has('mended: entry'), 'it is mended')
        record = self.all.dure('site', 'status', '--dir', self.all.home('north'))['record']
        self.assertEqual((record['mended'], record['rotted']), (1, []))
        self.goes_on()

    def test_a_stopped_aggregator_does_not_start_until_it_is_healed(self):
        self.begin()
        aggregator, home = self.all.aggregator, self.all.home('aggregator')
        aggregator.stop()
        index = rot(home, 'run-proposed')
        for said in (self.all.fails(*aggregator.arguments, expect=3),
                     self.all.fails('ledger', 'scrub', '--dir', home, expect=3)):
            self.assertIn(f'entry {index}', said)
            self.assertIn('dure ledger heal', said)
        healed = self.all.dure('ledger', 'heal', '--dir', home, '--from', self.all.home('north'))
        self.assertEqual(healed['before'], healed['after'])
        self.assertIn(f'entry {index} (run-proposed)', healed['mended'][0])
        aggregator.start()
        self.goes_on()


if __name__ == '__main__':
    PROGRAMS = sys.argv.pop(1)
    unittest.main(verbosity=2)
