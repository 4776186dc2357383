// The aggregate check's arithmetic: inner products with random coefficients modulo p = 2^61 - 1.
//
// The coefficient of parameter i of a segment is the stream's 64-bit word i, its low 61 bits, with
// p standing for 0; those of the scalars follow far behind. An aggregate that differs anywhere from
// the sum of the contributions has another inner product, save with probability 2^-60 over the
// stream, which nobody knew when the aggregate was fixed. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>

#include "federation/masking/keystream.h"
#include "federation/masking/words.h"

namespace dure::masking {

inline constexpr uint64_t kFieldPrime = (uint64_t{1} << 61) - 1;

uint64_t FieldOf(uint64_t value);  // value mod p
uint64_t FieldOf(int64_t value);
uint64_t FieldSum(uint64_t a, uint64_t b);         // REQUIRES: both below p
uint64_t FieldDifference(uint64_t a, uint64_t b);  // the same

// Of `values`, the first of which is parameter `first` of the segment. Results of ranges add up
// with FieldSum to that of the whole. REQUIRES: magnitudes below 2^24.
uint64_t InnerProduct(const Keystream& coefficients, uint64_t first,
                      std::span<const int32_t> values);

struct InnerProducts {
  uint64_t of_values = 0;
  uint64_t of_lanes = 0;
};
// Of `values` and of the same parameters' lanes as a site stores them, 1 or 2 bytes each, at an
// even address. The coefficients, which cost more than the rest, are made once for both.
InnerProducts InnerProductsOf(const Keystream& coefficients, uint64_t first,
                              std::span<const int32_t> values, uint64_t lane_bytes, ByteView lanes);
uint64_t InnerProduct(const Keystream& coefficients, const Scalars& scalars);

}  // namespace dure::masking
