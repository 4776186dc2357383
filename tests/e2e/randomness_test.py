"""A real masked upload of an update of zeros cannot be told from chance; weak masks could be.

    randomness_test.py PROGRAMS [unittest arguments]
"""

import array
import glob
import os
import re
import sys
import unittest

import randomness
from masked import LEAVES, SITES, MaskingTest
from processes import PATIENCE, until


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


if __name__ == '__main__':
    CapturedUploadTest.programs = sys.argv.pop(1)
    unittest.main(verbosity=2)
