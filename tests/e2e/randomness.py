"""Whether bytes that left a site could be told from chance, by tests that weak generators fail.

Words are the low 16 bits of a payload's first plane, least significant byte first.
"""

import array
import math

MT_STATE = 19937  # bits of the Mersenne Twister: no sequence of it is more complex than that
COMPLEXITY_BITS = 44000  # more than twice as many


def byte_counts(words):
    counts = [0] * 256
    for byte in words.tobytes():
        counts[byte] += 1
    return counts


def uneven_bytes(words):
    """Chi-square of the bytes, in deviations from what chance gives."""
    counts = byte_counts(words)
    expected = sum(counts) / 256
    chi = sum((count - expected) ** 2 / expected for count in counts)
    return (chi - 255) / math.sqrt(2 * 255)


def serial_correlation(words):
    """Of neighbouring words, in deviations."""
    mean = sum(words) / len(words)
    centred = [word - mean for word in words]
    square = sum(value * value for value in centred)
    product = sum(a * b for a, b in zip(centred, centred[1:]))
    return product / square * math.sqrt(len(words))


def linear_complexity(bits):
    """Of the shortest linear recurrence over GF(2) that gives these bits (Berlekamp and Massey)."""
    connection, before, length, since = 1, 1, 0, 1
    reversed_bits = 0
    for at, bit in enumerate(bits):
        reversed_bits = reversed_bits << 1 | bit  # bit i of it is the i-th before
        if bin(connection & reversed_bits).count('1') % 2 == 0:
            since += 1
        elif 2 * length <= at:
            connection, before = connection ^ before << since, connection
            length, since = at + 1 - length, 1
        else:
            connection ^= before << since
            since += 1
    return length


def complexity_gap(words):
    """How far the lowest bits are from as complex as chance, which is half their number."""
    bits = [word & 1 for word in words[:COMPLEXITY_BITS]]
    return abs(linear_complexity(bits) - len(bits) / 2)


def failures(words):
    """The names of the tests that these words fail; chance fails one in many millions of times."""
    assert len(words) >= COMPLEXITY_BITS
    found = []
    if abs(uneven_bytes(words)) > 6:
        found.append('uneven-bytes')
    if abs(serial_correlation(words)) > 6:
        found.append('serial-correlation')
    if complexity_gap(words) > 40:
        found.append('linear-complexity')
    return found


class SeededStream:
    """Masks as one in use elsewhere makes them: a seed is folded to 32 bits, and a Mersenne Twister
    started from it. Sums of such streams obey the recurrence of each."""

    def __init__(self, seed):
        folded = 0
        for at in range(0, len(seed), 4):
            folded ^= int.from_bytes(seed[at:at + 4], 'little')
        self.state = [folded]
        for i in range(1, 624):
            last = self.state[-1]
            self.state.append((1812433253 * (last ^ last >> 30) + i) & 0xffffffff)
        self.at = 624

    def word(self):
        if self.at == 624:
            self._turn()
        value = self.state[self.at]
        self.at += 1
        value ^= value >> 11
        value ^= value << 7 & 0x9d2c5680
        value ^= value << 15 & 0xefc60000
        return value ^ value >> 18

    def _turn(self):
        state = self.state
        for i in range(624):
            mixed = (state[i] & 0x80000000) | (state[(i + 1) % 624] & 0x7fffffff)
            state[i] = state[(i + 397) % 624] ^ mixed >> 1 ^ (0x9908b0df if mixed & 1 else 0)
        self.at = 0


def seeded_masks(seeds, count):
    """The words of an update of zeros under these masks, as a payload's plane holds them."""
    streams = [SeededStream(seed) for seed in seeds]
    words = array.array('H')
    for _ in range(count):
        words.append(sum(stream.word() for stream in streams) & 0xffff)
    return words
