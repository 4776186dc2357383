// Update to lanes, for any range of whole blocks; pure.
//
// u = residual + (base - trained) in fp32; lane = round(clamp(w*u*L/s, -L, L)) with unbiased
// rounding drawn from (seed, parameter index); new residual = u - lane*s/(L*w). So a range encoded
// again gives the same bytes, what a lane could not carry stays in the residual, and what is sent
// plus the last residual telescopes to the sum of the updates (error feedback). The residual is the
// site's own: it never leaves, and the site replaces it only when the receipt says that this
// contribution was included.
#pragma once

#include <cstdint>
#include <span>

#include "federation/codec/lane.h"
#include "federation/result.h"

namespace dure::codec {

// A contribution's weight is a numerator over 2^20, in [1, kWeightOne].
inline constexpr uint64_t kWeightOne = uint64_t{1} << 20;

// floor(2^20 * min(1, tokens / reference_tokens)), at least 1.
// kInvalid if either is zero: a site without tokens declines the round.
Result<uint64_t> WeightOf(uint64_t tokens, uint64_t reference_tokens);

struct EncodeParameters {
  Lane lane = Lane::kInt8;
  uint64_t weight = kWeightOne;
  uint64_t seed = 0;  // of this (run, round, site); repeating it repeats the bytes
  // A lane stops at w*L, rounded up: no u counts beyond its block's scale, whatever the weight. So
  // a sum of lanes is bounded by the sum of their weights, which masking shows.
  bool within_weight = false;
};

// Spans over the same parameters: all the same length, a multiple of 1024 unless it ends the
// vector.
struct EncodeInput {
  std::span<const float> base;
  std::span<const float> trained;
  std::span<const float> residual;  // empty: zeros, as in a site's first round
  std::span<const float> scales;    // one a block of the range
};

struct EncodeOutput {
  std::span<uint8_t> lanes;   // values, LaneBytes a parameter (lane.h: PackLanes)
  std::span<float> residual;  // may be the input residual's own memory
};

struct EncodeStats {
  uint64_t saturated = 0;  // lanes that met their bound; what they could not carry is in the
                           // residual
  float max_abs = 0;       // of u
  void Add(const EncodeStats& other);
};

// `first` is the index of the range's first parameter in the flat vector. REQUIRES: first is a
// multiple of 1024, the spans fit together, weight is in [1, kWeightOne], scales passed
// CheckScales. kInvalid: a NaN or an infinity in u, found before anything of its block is rounded;
// the outputs are then void.
Result<EncodeStats> EncodeRange(const EncodeParameters& parameters, uint64_t first,
                                const EncodeInput& in, const EncodeOutput& out);

}  // namespace dure::codec
