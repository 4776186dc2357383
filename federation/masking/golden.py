#!/usr/bin/env python3
"""Works out a masked round again, from its seeds and docs/reference/masking.md alone, and compares
every message byte for byte with what the C++ printed.

    golden.py PROGRAM GOLDEN_FILE [--write]

Only the standard library: AES, GCM, X25519 and Ed25519 are written out in golden_primitives.py. The
golden file holds the digest of each line, so that neither side may change unnoticed.
"""

import hashlib
import struct
import subprocess
import sys

from golden_primitives import (aes_ctr, ed25519_public, ed25519_sign, gcm_seal, hkdf, shamir_split,
                               x25519, x25519_public)

PRIME = 2 ** 61 - 1
SITES, DROPPED, THRESHOLD, AGGREGATOR = 4, 2, 3, 0xfffffffe
ALIVE = [i for i in range(SITES) if i != DROPPED]
MASK, SELF = 1, 2
KINDS = {'open': 1, 'advertise': 2, 'shares': 3, 'delivery': 4, 'sharers': 5, 'agreement': 6,
         'uploaded': 7, 'survivors': 8, 'reveal': 9, 'outcome': 10, 'opening': 11, 'openings': 12,
         'check': 13, 'share-head': 15}


def u32(*values):
    return b''.join(struct.pack('<I', v) for v in values)


def u64(*values):
    return b''.join(struct.pack('<Q', v) for v in values)


def blob(data):
    return u32(len(data)) + data


def sha(data):
    return hashlib.sha256(data).digest()


def info(label, fields):
    return b'dure-masking-1/' + label.encode() + b'\0' + fields


def labelled(label, fields):
    return sha(info(label, fields))


def merkle(leaves):
    if len(leaves) == 1:
        return leaves[0]
    left = 1 << ((len(leaves) - 1).bit_length() - 1)
    return sha(b'\1' + merkle(leaves[:left]) + merkle(leaves[left:]))


def path(leaves, place):
    """From the leaf up: the other side's root at each fork."""
    if len(leaves) == 1:
        return []
    left = 1 << ((len(leaves) - 1).bit_length() - 1)
    if place < left:
        return path(leaves[:left], place) + [merkle(leaves[left:])]
    return path(leaves[left:], place - left) + [merkle(leaves[:left])]


def listed(messages):
    return u32(len(messages)) + b''.join(map(blob, messages))


def context(lines):
    """The round's context, from what the world of the test is made of."""
    nothing, parameters, segment = bytes(32), 2 ** 20 + 5, 2 ** 20
    agreed = blob(b'test') + blob(b'run') + sha(b'policy') + nothing + nothing + sha(b'model')
    agreed += nothing + nothing + u32(127) + u64(parameters, segment)
    agreed += u32(3, 0, 1) + b'\0' + u32(2 * THRESHOLD - SITES - 1)
    agreed += ed25519_public(lines['signing.aggregator'])
    seats = u32(SITES)
    for i in range(SITES):
        name = f's{100 + i}'.encode()
        key = ed25519_public(lines[f'signing.{i}'])
        seats += blob(name) + blob(b'm' + name) + key + u32(i)
    return agreed + u64(7) + u32(0, THRESHOLD) + b'\0' + seats


class Round:
    def __init__(self, lines):
        self.lines = lines
        self.id = labelled('context', context(lines))
        self.expected, self.told = {}, {}

    def own(self, i, label, segment=0):
        return hkdf(self.lines[f'seed.{i}'], self.id, info(f'own/{label}', u32(segment)), 32)

    def signed(self, who, kind, body):
        name = 'aggregator' if who == AGGREGATOR else who
        header = self.id + u64(7) + u32(0) + u32(who)
        carried = bytes([KINDS[kind]]) + header + body
        seed = self.lines[f'signing.{name}']
        return carried + ed25519_sign(seed, b'DURE1\0dure-masking-1\0' + carried)

    def advertise(self, i):
        keys = [x25519_public(self.own(i, 'mask', g)) for g in range(2)]
        nonce = labelled('nonce-commitment', self.id + u32(i) + self.own(i, 'nonce'))
        body = x25519_public(self.own(i, 'seal')) + u32(2) + b''.join(keys) + nonce + b'\0'
        return self.signed(i, 'advertise', body)

    def split(self, i, segment, kind):
        secret = self.own(i, 'mask' if kind == MASK else 'self', segment)
        coefficients = hkdf(self.lines[f'seed.{i}'], self.id,
                            info('own/coefficients', u32(kind, segment)), 32 * (THRESHOLD - 1))
        return shamir_split(secret, coefficients, SITES)

    def shares(self, i, segment):
        """The head and the message of one site's shares of one segment."""
        mask, own = self.split(i, segment, MASK), self.split(i, segment, SELF)
        entries, leaves = [], []
        for to in range(SITES):
            route = u32(segment, i, to)
            commits = [labelled('share', u32(kind) + route + share[to])
                       for kind, share in ((MASK, mask), (SELF, own))]
            sealed = b''
            if to != i:
                agreed = x25519(self.own(i, 'seal'), x25519_public(self.own(to, 'seal')))
                key = hkdf(agreed, self.roster, info('seal', route), 32)
                sealed = gcm_seal(key, bytes(12), self.roster + route, mask[to] + own[to])
            entries.append(blob(sealed) + b''.join(commits))
            leaves.append(sha(b'\0' + u32(to) + sha(sealed) + commits[0] + commits[1]))
        self_commitment = labelled('self-commitment',
                                   self.id + u32(segment, i) + self.own(i, 'self', segment))
        head = self.signed(i, 'share-head',
                           self.roster + u32(segment) + self_commitment + merkle(leaves))
        for to in range(SITES):
            if to != i:
                way = path(leaves, to)
                self.tell(to, 'delivery', blob(head) + entries[to] + u32(len(way)) + b''.join(way))
        return head, bytes([KINDS['shares']]) + blob(head) + u32(SITES) + b''.join(entries)

    def agreed(self, i, j, segment):
        return x25519(self.own(i, 'mask', segment), x25519_public(self.own(j, 'mask', segment)))

    def masks(self, i, segment):
        """(key, nonce, sign) of every mask of a site in a segment."""
        own = hkdf(self.own(i, 'self', segment), self.t2, info('self', u32(segment, i)), 40)
        found = [(own[:32], own[32:], 1)]
        for j in range(SITES):
            if j != i:
                fields = info('mask', u32(segment, min(i, j), max(i, j)))
                pair = hkdf(self.agreed(i, j, segment), self.t2, fields, 40)
                found.append((pair[:32], pair[32:], 1 if i < j else -1))
        return found

    def payload(self, i, segment):
        """Segment 1 whole; of segment 0 the low bytes of the first 32 words."""
        lanes = self.lines[f'lanes.{segment}.{i}']
        values = [lane - 256 if lane > 127 else lane for lane in lanes]
        scalars = list(struct.unpack('<4Q', self.lines[f'scalars.{i}']))
        for key, nonce, sign in self.masks(i, segment):
            words = struct.unpack(f'<{len(lanes)}H', aes_ctr(key, nonce, 0, 2 * len(lanes)))
            values = [v + sign * w for v, w in zip(values, words)]
            tail = struct.unpack('<4Q', aes_ctr(key, nonce, 2 ** 60 // 16, 32))
            scalars = [(s + sign * t) % 2 ** 64 for s, t in zip(scalars, tail)]
        low = bytes(v % 256 for v in values)
        return low if segment == 0 else low + self.high(values) + u64(*scalars)

    @staticmethod
    def high(values):
        stride = (2 * len(values) + 7) // 8
        plane = [0] * stride
        for k, value in enumerate(values):
            plane[k % stride] |= (value >> 8 & 3) << (2 * (k // stride))
        return bytes(plane)

    def outcome(self):
        """The sums over survivors, in the clear; segment 0's planes are taken as given."""
        given = self.lines['outcome'][49 + 32 + 4:][:32]
        scalars = [sum(column) for column in
                   zip(*(struct.unpack('<4Q', self.lines[f'scalars.{i}']) for i in ALIVE))]
        lanes = [self.lines[f'lanes.1.{i}'] for i in ALIVE]
        sums = [sum(v - 256 if v > 127 else v for v in column) for column in zip(*lanes)]
        stride = (2 * len(sums) + 7) // 8
        planes = bytes(v % 256 for v in sums) + self.high(sums)
        assert len(planes) == len(sums) + stride
        return self.signed(AGGREGATOR, 'outcome',
                           self.t3 + u32(2) + given + u64(*scalars) + sha(planes) + u64(*scalars))

    def check(self, i):
        values = []
        for segment in range(2):
            if segment == 0:
                total = struct.unpack('<Q', self.lines[f'product.0.{i}'])[0]
            else:
                total = self.product(i)
            for j in ALIVE:
                if j == i:
                    continue
                fields = info('check', u32(segment, min(i, j), max(i, j)))
                wide = int.from_bytes(hkdf(self.agreed(i, j, segment), self.t4, fields, 16),
                                      'little')
                total += wide if i < j else -wide
            values.append(total % PRIME)
        return self.signed(i, 'check', self.t4 + u32(2) + u64(*values))

    def product(self, i):
        stream = hkdf(self.t4, b'', info('coefficients', u32(1)), 40)
        key, nonce = stream[:32], stream[32:]
        lanes = self.lines[f'lanes.1.{i}']
        numbers = [v - 256 if v > 127 else v for v in lanes]
        rows = list(zip(struct.unpack(f'<{len(lanes)}Q', aes_ctr(key, nonce, 0, 8 * len(lanes))),
                        numbers))
        rows += zip(struct.unpack('<4Q', aes_ctr(key, nonce, 2 ** 60 // 16, 32)),
                    struct.unpack('<4Q', self.lines[f'scalars.{i}']))
        return sum((c & PRIME) % PRIME * v for c, v in rows) % PRIME

    def expect(self, i, kind, *messages):
        self.expected.setdefault((i, kind), []).extend(messages)

    def tell(self, i, kind, body):
        """What the aggregator says unsigned."""
        self.told.setdefault((i, kind), []).append(bytes([KINDS[kind]]) + body)

    def tell_all(self):
        """The lost one stays connected here, so it hears what the others hear."""
        for i in range(SITES):
            self.tell(i, 'open', blob(context(self.lines)))
            self.tell(i, 'sharers', self.id + u32(SITES) + u32(*range(SITES)))
            for g in range(2):
                self.tell(i, 'survivors', u32(g) + listed([self.upload(j, g) for j in ALIVE]))

    def run(self):
        adverts = [self.advertise(i) for i in range(SITES)]
        self.roster = labelled('roster', self.id + u32(SITES) + b''.join(map(sha, adverts)))
        heads = {}
        for i in range(SITES):
            self.expect(i, 'advertise', adverts[i])
            for g in range(2):
                heads[i, g], message = self.shares(i, g)
                self.expect(i, 'shares', message)
        ids = b''.join(sha(heads[i, g]) for i in range(SITES) for g in range(2))
        self.t2 = labelled('shares', self.roster + u32(SITES) + u32(*range(SITES)) + ids)
        survivors = u32(2)
        for g in range(2):
            survivors += u32(len(ALIVE)) + u32(*ALIVE)
            survivors += b''.join(sha(self.upload(i, g)) for i in ALIVE)
        self.t3 = labelled('survivors', self.t2 + survivors)
        for i in range(SITES):
            self.expect(i, 'agreement', self.signed(i, 'agreement', b'\1' + self.t2))
        for i in ALIVE:
            self.expect(i, 'uploaded', self.upload(i, 0), self.upload(i, 1))
            self.expect(i, 'agreement', self.signed(i, 'agreement', b'\2' + self.t3))
            self.expect(i, 'reveal', *(self.reveal(i, g) for g in range(2)))
        self.tell_all()
        self.finish()

    def finish(self):
        outcome = self.outcome()
        assert outcome == self.lines['outcome'], 'the outcome differs'
        openings = [self.signed(i, 'opening', sha(outcome) + self.own(i, 'nonce')) for i in ALIVE]
        self.t4 = labelled('result', self.t3 + sha(outcome) + u32(len(ALIVE)) +
                           b''.join(map(sha, openings)))
        for i in range(SITES):
            self.tell(i, 'openings', listed(openings))
        for i, opening in zip(ALIVE, openings):
            self.expect(i, 'opening', opening)
            self.expect(i, 'check', self.check(i))

    def upload(self, i, segment):
        payload = self.payload(i, segment)
        assert payload == self.lines[f'payload.{segment}.{i}'], f'payload {segment} of {i} differs'
        if segment == 1:
            digest, size = sha(payload), len(payload)
        else:  # a million words: their digest is taken as given
            size = (2 ** 20) * 10 // 8 + 32
            digest = next(m for m in self.lines[f'message.{i}.uploaded'] if m[49:53] == u32(0))
            digest = digest[53:85]
        return self.signed(i, 'uploaded', u32(segment) + digest + u64(size))

    def reveal(self, i, segment):
        rows = b''
        for owner in range(SITES):
            kind = SELF if owner in ALIVE else MASK
            rows += u32(owner) + bytes([kind]) + self.split(owner, segment, kind)[i]
        return self.signed(i, 'reveal', u32(segment) + u32(SITES) + rows)


def read(program):
    printed = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    lines, digests = {}, []
    for line in printed.splitlines():
        name, _, value = line.partition(' ')
        digests.append(f'{name} {sha(bytes.fromhex(value)).hex()[:16]}')
        if name.startswith(('message.', 'told.')):
            lines.setdefault(name, []).append(bytes.fromhex(value))
        else:
            lines[name] = bytes.fromhex(value)
    return lines, '\n'.join(digests) + '\n'


def main():
    program, golden = sys.argv[1:3]
    lines, digests = read(program)
    assert context(lines) == lines['context'], 'the context differs'
    again = Round(lines)
    again.run()
    compared = 0
    for name, messages in lines.items():
        if not name.startswith(('message.', 'told.')):
            continue
        heard, site, kind = name.split('.')
        all_of = again.told if heard == 'told' else again.expected
        wanted = all_of.pop((int(site), kind))
        if sorted(messages) != sorted(wanted):
            sys.exit(f'golden: {name} is not what the specification gives')
        compared += len(messages)
    if again.expected or again.told:
        sys.exit(f'golden: never sent: {sorted(again.expected)} {sorted(again.told)}')
    if '--write' in sys.argv:
        with open(golden, 'w', encoding='utf-8') as file:
            file.write(digests)
    with open(golden, encoding='utf-8') as file:
        if file.read() != digests:
            sys.exit('golden: the bytes are not those of the golden file; a change of the protocol '
                     'needs another version label')
    print(f'{compared} messages worked out again, byte for byte')


main()
