"""AES-256, GCM, HKDF, X25519, Ed25519 and Shamir's sharing, each from its specification and in
plain Python: slow, and of one piece with nothing that it checks."""

import hashlib
import hmac
import struct


def hkdf(secret, salt, info, size):
    """RFC 5869 with SHA-256."""
    key = hmac.new(salt or bytes(32), secret, hashlib.sha256).digest()
    out, block = b'', b''
    while len(out) < size:
        block = hmac.new(key, block + info + bytes([len(out) // 32 + 1]), hashlib.sha256).digest()
        out += block
    return out[:size]


def gf_product(a, b):
    product = 0
    while b:
        product ^= a * (b & 1)
        a = (a << 1) ^ (0x11b if a & 0x80 else 0)
        b >>= 1
    return product


def make_sbox():
    box = []
    for x in range(256):
        inverse = next((y for y in range(256) if gf_product(x, y) == 1), 0)
        s = 0x63
        for shift in range(5):
            s ^= ((inverse << shift) | (inverse >> (8 - shift))) & 0xff
        box.append(s)
    return box


SBOX = make_sbox()
TWO = [gf_product(x, 2) for x in range(256)]


def expand_key(key):
    """FIPS 197, 256 bits: 60 words of four bytes."""
    words = [list(key[4 * i:4 * i + 4]) for i in range(8)]
    constant = 1
    for i in range(8, 60):
        word = list(words[-1])
        if i % 8 == 0:
            word = [SBOX[b] for b in word[1:] + word[:1]]
            word[0] ^= constant
            constant = gf_product(constant, 2)
        elif i % 8 == 4:
            word = [SBOX[b] for b in word]
        words.append([a ^ b for a, b in zip(words[i - 8], word)])
    return words


def aes(words, block):
    def add(state, number):
        keys = sum(words[4 * number:4 * number + 4], [])
        return [a ^ b for a, b in zip(state, keys)]

    state = add(list(block), 0)
    for number in range(1, 15):
        state = [SBOX[state[(i + 4 * (i % 4)) % 16]] for i in range(16)]
        if number < 14:
            mixed = []
            for c in range(0, 16, 4):
                column = state[c:c + 4]
                whole = column[0] ^ column[1] ^ column[2] ^ column[3]
                mixed += [column[k] ^ whole ^ TWO[column[k] ^ column[(k + 1) % 4]]
                          for k in range(4)]
            state = mixed
        state = add(state, number)
    return bytes(state)


def aes_ctr(key, nonce, block, size):
    """A mask stream from the beginning of a block."""
    words, out = expand_key(key), b''
    while len(out) < size:
        out += aes(words, nonce + struct.pack('>Q', block))
        block += 1
    return out[:size]


def gcm_seal(key, iv, associated, plain):
    """SP 800-38D with a 96-bit IV: ciphertext and tag."""
    words = expand_key(key)
    h = int.from_bytes(aes(words, bytes(16)), 'big')

    def times_h(x):
        product, v = 0, h
        for bit in range(127, -1, -1):
            if x >> bit & 1:
                product ^= v
            v = (v >> 1) ^ ((0xe1 << 120) if v & 1 else 0)
        return product

    sealed = b''
    for n in range(0, len(plain), 16):
        stream = aes(words, iv + struct.pack('>I', n // 16 + 2))
        sealed += bytes(a ^ b for a, b in zip(plain[n:n + 16], stream))
    total = 0
    for data in (associated, sealed):
        padded = data + bytes(-len(data) % 16)
        for n in range(0, len(padded), 16):
            total = times_h(total ^ int.from_bytes(padded[n:n + 16], 'big'))
    total = times_h(total ^ (len(associated) * 8 << 64 | len(sealed) * 8))
    first = int.from_bytes(aes(words, iv + b'\0\0\0\1'), 'big')
    return sealed + (total ^ first).to_bytes(16, 'big')


P = 2 ** 255 - 19


def x25519(secret, point):
    """RFC 7748, section 5."""
    k = int.from_bytes(secret, 'little')
    k = k & ~7 & ~(1 << 255) | 1 << 254
    u = int.from_bytes(point, 'little') & ~(1 << 255)
    x2, z2, x3, z3, swap = 1, 0, u, 1, 0
    for t in range(254, -1, -1):
        bit = k >> t & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb, aa, bb = d * a, c * b, a * a % P, b * b % P
        x3, z3 = (da + cb) ** 2 % P, u * (da - cb) ** 2 % P
        e = aa - bb
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, 'little')


def x25519_public(secret):
    return x25519(secret, b'\t' + bytes(31))


D = -121665 * pow(121666, P - 2, P) % P
ORDER = 2 ** 252 + 27742317777372353535851937790883648493


def point_sum(a, b):
    """RFC 8032, 5.1.4, extended coordinates."""
    m = (a[1] - a[0]) * (b[1] - b[0])
    n = (a[1] + a[0]) * (b[1] + b[0])
    c, d = 2 * a[3] * b[3] * D, 2 * a[2] * b[2]
    e, f, g, h = n - m, d - c, d + c, n + m
    return e * f % P, g * h % P, f * g % P, e * h % P


def base_point():
    y = 4 * pow(5, P - 2, P) % P
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    x = P - x if x & 1 else x
    return x, y, 1, x * y % P


BASE = base_point()


def multiple(scalar):
    """The base point so many times, encoded."""
    result, power = (0, 1, 1, 0), BASE
    while scalar:
        if scalar & 1:
            result = point_sum(result, power)
        power = point_sum(power, power)
        scalar >>= 1
    inverse = pow(result[2], P - 2, P)
    x, y = result[0] * inverse % P, result[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, 'little')


def ed25519_secret(seed):
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], 'little')
    return scalar & ~7 & ~(3 << 254) | 1 << 254, digest[32:]


def ed25519_public(seed):
    return multiple(ed25519_secret(seed)[0])


def ed25519_sign(seed, message):
    scalar, prefix = ed25519_secret(seed)
    public = multiple(scalar)
    r = int.from_bytes(hashlib.sha512(prefix + message).digest(), 'little') % ORDER
    point = multiple(r)
    k = int.from_bytes(hashlib.sha512(point + public + message).digest(), 'little') % ORDER
    return point + ((r + k * scalar) % ORDER).to_bytes(32, 'little')


def shamir_split(secret, coefficients, count):
    """The share at each place 1..count; coefficient n of degree n + 1."""
    shares = []
    for x in range(1, count + 1):
        share = []
        for k in range(32):
            value = 0
            for n in range(len(coefficients) // 32 - 1, -1, -1):
                value = gf_product(value ^ coefficients[32 * n + k], x)
            share.append(value ^ secret[k])
        shares.append(bytes(share))
    return shares
