// Shamir's secret sharing, bytewise over GF(2^8) with x^8 + x^4 + x^3 + x + 1.
//
// Any `threshold` shares give the secret, fewer say nothing at all about it. A share's place x is
// public, so only operations on secret bytes have to take the same time for all of them: these are
// shifts, ands and exclusive-ors on eight bytes at once, without tables. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "federation/masking/secret.h"

namespace dure::masking {

inline constexpr uint32_t kSharesMax = 255;  // places 1..255; at 0 stands the secret

struct Share {
  uint8_t x = 0;
  Secret value;
};

// The product in the field; the same time for any values.
uint8_t FieldProduct(uint8_t a, uint8_t b);

// The share at each place 1..count. `coefficients` are 32*(threshold-1) fresh uniform bytes.
// REQUIRES: 1 <= threshold <= count <= kSharesMax.
std::vector<Share> Split(const Secret& secret, uint32_t threshold, uint32_t count,
                         ByteView coefficients);

// The secret that the shares' polynomial of least degree has at 0; it is the one that was split if
// there are at least `threshold` true shares. kInvalid: no shares, a place of 0, or one twice.
Result<Secret> Combine(std::span<const Share> shares);

}  // namespace dure::masking
