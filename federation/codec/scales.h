// Block scales: the public grid step of each block of 1024 parameters.
//
// A plan fixes one positive fp32 scale a block; a lane q stands for q*s/L. All sites use the same
// scales, since only the sum of lanes is ever revealed. Round 0 has one scale for all blocks; each
// later round's scales follow from the previous aggregate by exact integer sums and IEEE double
// arithmetic, so every site derives the same bytes. As a blob, scales are their fp32 bits,
// little-endian, one after the other; a plan names them by that blob's digest.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "federation/bytes.h"
#include "federation/codec/lane.h"
#include "federation/result.h"

namespace dure::codec {

// Outside these a scale is refused: products with lanes and weights then stay normal fp32 numbers.
inline constexpr float kScaleMin = 1e-12F;
inline constexpr float kScaleMax = 1e12F;

// One scale for all blocks of round 0. kInvalid unless kScaleMin <= scale <= kScaleMax.
Result<std::vector<float>> UniformScales(uint64_t parameter_count, float scale);

// kInvalid unless there is one scale a block, each within [kScaleMin, kScaleMax].
Status CheckScales(std::span<const float> scales, uint64_t parameter_count);

Bytes SerializeScales(std::span<const float> scales);
// Total. kInvalid: another length than parameter_count needs, or a scale CheckScales refuses.
Result<std::vector<float>> ParseScales(ByteView bytes, uint64_t parameter_count);

// What a round's aggregate says about its updates.
struct ScaleEvidence {
  Lane lane = Lane::kInt8;
  uint32_t site_count = 0;  // contributions in the aggregate
  uint64_t weight_sum = 0;  // sum of their weights (encode.h), so at most site_count * 2^20
  uint64_t parameter_count = 0;
  std::span<const uint64_t> squares;  // for each block the exact sum of squared lane sums
};

// The next round's scales: Headroom times the root mean square expected of one site's
// update, moved by at most a factor of four a round, and never below a sixteenth of what the whole
// vector would get (so that a block which slept, such as embedding rows of unseen tokens, wakes in
// few rounds).
// kInvalid if the evidence does not fit the scales in number, or weight_sum is not in
// [1, site_count * 2^20].
Result<std::vector<float>> NextScales(std::span<const float> scales, const ScaleEvidence& evidence);

// kInvalid unless weight_sum is in [1, site_count * 2^20].
Status CheckWeightSum(uint64_t weight_sum, uint32_t site_count);

// How many times the expected root mean square of a parameter a lane reaches.
uint64_t Headroom(Lane lane);

// The length that scales expect of one site's update. REQUIRES: CheckScales.
double ExpectedNorm(Lane lane, std::span<const float> scales, uint64_t parameter_count);

// What one unit of a lane sum adds to the mean: scale / (L * weight_sum / 2^20), in double.
double MeanUnit(Lane lane, float scale, uint64_t weight_sum);

}  // namespace dure::codec
