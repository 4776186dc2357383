// How long an update is, read off its lanes: the L2 norm of what the lanes stand for, undone of
// their weight. Whoever has lanes and scales comes to the same bits: sums of squares of a block are
// exact, and blocks are added in their order in double. Pure; one pass over the lanes.
#pragma once

#include <cstdint>
#include <span>

#include "federation/bytes.h"
#include "federation/codec/lane.h"

namespace dure::codec {

// Of a contribution of `count` parameters. REQUIRES: lanes.size() is its ContributionBytes, there
// is one scale a block; weight in 1..kWeightOne.
double UpdateNorm(Lane lane, uint64_t count, ByteView lanes, std::span<const float> scales,
                  uint64_t weight);

}  // namespace dure::codec
