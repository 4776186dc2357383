"""A real masked upload of an update of zeros cannot be told from chance; weak masks could be. And
of all that comes to the aggregator nothing tells what is one site's.

    randomness_test.py PROGRAMS [unittest arguments]
"""

import array
import contextlib
import glob
import os
import re
import shutil
import sqlite3
import struct
import sys
import tempfile
import unittest

import randomness
from masked import LEAVES, SITES, MaskingTest
from processes import PATIENCE, until

sys.path.append(f'{os.path.dirname(__file__)}/../../federation/masking')
import golden_primitives  # noqa: E402


class CapturedUploadTest(MaskingTest):
    def capture(self, site, run):
        """The bytes at the aggregator that this site sent, by what its log says of them."""
        line = next(line for line in self.lines(site, run) if LEAVES in line)
        size, begin = re.search(r'site: (\d+) bytes, ([0-9a-f ]+)', line).groups()
        begin = bytes.fromhex(begin)
        for path in glob.glob(f'{self.federation.home("aggregator")}/blobs/blobs/*'):
            if os.path.getsize(path) != int(size):
                continue
            with open(path, 'rb') as file:
                payload = file.read()
            if payload.startswith(begin):
                return payload
        return None

    def test_an_upload_of_zeros_passes_as_chance_and_seeded_masks_do_not(self):
        west, federation = self.federation.sites['west'], self.federation
        west.stop()
        west.start(crash_at='site.uploaded:1')
        with federation.proposing('captured', learning_rate=1e-30) as proposal:
            west.wait_for_death()
            assert proposal.wait(PATIENCE) == 0
        payload = self.capture('west', 'captured')
        assert payload, 'the upload is not at the aggregator'
        words = array.array('H')
        words.frombytes(payload[:2 * randomness.COMPLEXITY_BITS])
        assert randomness.failures(words) == [], 'a real upload can be told from chance'
        # The same zeros under as many masks of a generator with a seed of 32 bits.
        seeds = [os.urandom(32) for _ in SITES]
        weak = randomness.seeded_masks(seeds, randomness.COMPLEXITY_BITS)
        assert randomness.failures(weak) == ['linear-complexity']
        # And no masks at all, which the site's own look at its bytes would say, too.
        bare = array.array('H', bytes(2 * randomness.COMPLEXITY_BITS))
        assert 'uneven-bytes' in randomness.failures(array.array('H', [7, *bare[1:]]))
        west.start()
        self.settle('captured')
        until(lambda: not self.capture('west', 'captured'), 'the aggregator keeps no upload')


def values_of(database):
    """All rows that a database holds, read from a copy: a daemon keeps it locked."""
    with tempfile.TemporaryDirectory() as folder:
        for path in glob.glob(f'{database}*'):
            if not path.endswith('-shm'):
                shutil.copy(path, folder)
        with contextlib.closing(sqlite3.connect(f'{folder}/{os.path.basename(database)}')) as copy:
            tables = copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (table,) in tables:
                yield from copy.execute(f'SELECT * FROM "{table}"')


def as_bytes(value):
    return value if isinstance(value, bytes) else str(value).encode()


class SearchedTest(MaskingTest):
    """The aggregator dies with every site's upload and every share on its disk."""

    def kept(self):
        """All that it keeps: files as they are, values of its databases, its log."""
        home, found = self.federation.home('aggregator'), []
        for path in [self.federation.aggregator.log, *glob.glob(f'{home}/**', recursive=True)]:
            if os.path.isfile(path):
                with open(path, 'rb') as file:
                    found.append(file.read())
        for database in glob.glob(f'{home}/*.db'):
            found += [as_bytes(value) for row in values_of(database) for value in row]
        return found

    def secrets(self, site, run):
        """What only the site may know, by what it is; and, as a control, a key that all know."""
        state = dict(values_of(f'{self.federation.home(site)}/site.db'))[f'run/{run}/masking']
        # The last seat ends the context, and the attempt's seed stands behind that.
        last = struct.pack('<I', len(SITES[-1])) + SITES[-1].encode()
        seed = re.search(re.escape(2 * last) + b'.{36}(.{32})', state, re.DOTALL).group(1)
        place = struct.pack('<QII', 0, 0, SITES.index(site))
        said = re.search(b'\x02(.{32})' + re.escape(place) + b'(.{32})', state, re.DOTALL)

        def own(label):
            info = b'dure-masking-1/own/' + label + b'\0' + bytes(4)
            return golden_primitives.hkdf(seed, said.group(1), info, 32)
        assert golden_primitives.x25519_public(own(b'seal')) == said.group(2), 'no seed found'
        found = {'seed': [seed], 'mask secret': [own(b'mask')], 'seal secret': [own(b'seal')],
                 'lanes': [], 'loss and speed': []}
        with open(glob.glob(f'{self.federation.home(site)}/runs/{run}/lanes-*')[0], 'rb') as file:
            lanes = file.read()
        pieces = [lanes[at:at + 24] for at in range(0, len(lanes), len(lanes) // 16)]
        found['lanes'] = [piece for piece in pieces if len(set(piece)) > 12]
        assert len(found['lanes']) > 8, 'an update that is nearly zero shows nothing'
        for number in self.numbers[site]:
            found['loss and speed'] += [struct.pack('<d', number), struct.pack('<f', number),
                                        f'{number:.12g}'.encode()]
        return found, said.group(2)

    def told(self, site, run):
        """What the site itself says of its training, through its own door."""
        status = self.federation.dure('site', 'status', '--dir', self.federation.home(site))
        own = next(each for each in status['runs'] if each['run'] == run)
        return [own['loss'], own['tokens_per_second']]

    def search(self, secrets):
        everything = self.kept()

        def is_there(needle):
            return any(needle in each for each in everything)
        for site, (kept_back, known) in secrets.items():
            assert is_there(known), 'a key that it advertised is not found: the search sees nothing'
            for what, needles in kept_back.items():
                assert not any(map(is_there, needles)), f'the aggregator holds the {what} of {site}'

    def test_nothing_that_comes_to_the_aggregator_tells_a_number_or_a_secret_of_one_site(self):
        federation, run = self.federation, 'searched'
        federation.aggregator.stop()
        federation.aggregator.start(crash_at='aggregator.before-unmask:1')
        with federation.proposing(run, rounds=1) as proposal:
            federation.aggregator.wait_for_death()
            assert proposal.wait(PATIENCE) == 0
        self.numbers = {site: self.told(site, run) for site in SITES}
        for site in SITES:
            federation.sites[site].kill()
        secrets = {site: self.secrets(site, run) for site in SITES}
        for site, (kept_back, _) in secrets.items():
            assert self.stands(kept_back['seed'][0], site), 'the attempt is under way'
        self.search(secrets)
        federation.aggregator.start()
        federation.start_sites()
        line = federation.watch(run, lambda line: line.get('sites'), 'progress')
        for each in line['sites']:
            assert not each.get('loss') and not each.get('tokens_per_second'), each
        self.settle(run)
        self.search(secrets)
        for site, (kept_back, _) in secrets.items():
            seed = kept_back['seed'][0]
            until(lambda: not self.stands(seed, site), f'{site} has not forgotten its seed')

    def stands(self, secret, site):
        """Whether the site's own journal has it, in an entry or in what its files still hold."""
        for path in glob.glob(f'{self.federation.home(site)}/site.db*'):
            with open(path, 'rb') as file:
                if secret in file.read():
                    return True
        return False


def load_tests(loader, _, __):
    suite = unittest.TestSuite()
    for case in (CapturedUploadTest, SearchedTest):
        suite.addTests(loader.loadTestsFromTestCase(case))
    return suite


if __name__ == '__main__':
    MaskingTest.programs = sys.argv.pop(1)
    unittest.main(verbosity=2)
