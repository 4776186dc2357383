// The codec's numbers for the device's kernels (kernels/update_codec.h), and what they tell put
// together: an update is encoded where it was trained and leaves as integers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "federation/codec/encode.h"
#include "model/cuda/kernels/update_codec.h"

namespace dure::model::cuda {

// One a block of the range that begins at parameter `first`. REQUIRES: as codec::EncodeRange, and
// not within_weight where the weight is less than one: the device's lanes reach L whatever it is.
std::vector<LaneScale> LaneScales(const codec::EncodeParameters& parameters, uint64_t first,
                                  std::span<const float> scales);

struct UpdateReport {
  bool finite = true;  // no NaN and no infinity: otherwise the lanes are void
  codec::EncodeStats stats;
  double norm = 0;  // codec::UpdateNorm of the lanes
};
// REQUIRES: one report a scale, of the whole update.
UpdateReport Sum(const codec::EncodeParameters& parameters, std::span<const float> scales,
                 std::span<const LaneReport> reports);

}  // namespace dure::model::cuda
