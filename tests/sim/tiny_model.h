// The production codec on vectors of a few dozen parameters: training, encoding, merging, deriving.
#pragma once

#include <span>
#include <vector>

#include "federation/codec/lane.h"
#include "federation/digest.h"
#include "federation/round/plan.h"

namespace dure::sim {

inline constexpr uint64_t kParameters = 24;
inline constexpr float kInitialScale = 0.05F;

using Vector = std::vector<float>;

Bytes ToBlob(std::span<const float> vector);
Vector FromBlob(ByteView blob);

// What training from `base` gives: the same for the same salt.
Vector Train(const Vector& base, uint64_t salt);

struct Lanes {
  Bytes bytes;  // values
  Vector residual;
  uint64_t saturated = 0;
  uint64_t weight = 0;
};
Lanes Encode(codec::Lane lane, uint64_t weight, uint64_t seed, const Vector& base,
             const Vector& trained, const Vector& residual, const Vector& scales);

// What a site sends of its lanes in the clear.
Bytes ContributionOf(codec::Lane lane, const Lanes& lanes);

// The values of a contribution, or of lanes that stay at a site under masks, for checkers that add
// them up on their own.
std::vector<int64_t> ValuesOf(codec::Lane lane, ByteView lanes);

struct Given {
  codec::Lane lane = codec::Lane::kInt8;
  Vector base;
  Vector momentum;  // empty: none yet
  Vector scales;
  uint64_t weight_sum = 0;
  uint32_t site_count = 0;
  double mu = 0;
};
struct Next {
  Vector model;
  Vector momentum;  // empty if none is kept
  Vector scales;
};
Bytes Merge(codec::Lane lane, const std::vector<ByteView>& contributions);
// The exact sums in an aggregate; empty if it is none.
std::vector<int64_t> SumsOf(codec::Lane lane, uint32_t site_count, ByteView aggregate);
Next Derive(const Given& given, ByteView aggregate);

}  // namespace dure::sim
