#include "federation/masking/weighing.h"

#include <algorithm>
#include <string>

#include "federation/codec/encode.h"
#include "federation/codec/scales.h"

namespace dure::masking {
namespace {

uint64_t WeightOf(const Scalars& sums) { return sums[static_cast<size_t>(Scalar::kWeight)]; }

}  // namespace

Weighing WeighingOf(const round::RunManifest& manifest) {
  if (manifest.merge.kind == round::MergeKind::kDirectionNorm) {
    // Half of the expected length weighs one (federation/merging/direction.h).
    const auto lane = static_cast<codec::Lane>(manifest.lane);
    return {codec::kWeightOne / (2 * codec::Headroom(lane)), false};
  }
  if (manifest.weighting == round::Weighting::kEqual) return {codec::kWeightOne, true};
  return {1, true};
}

Objection CheckWeights(const Weighing& weighing, const Scalars& sums, uint32_t survivors) {
  const uint64_t sum = WeightOf(sums);
  const uint64_t least = survivors * weighing.least;
  const uint64_t most = survivors * codec::kWeightOne;
  if (sum >= least && sum <= most) return std::nullopt;
  const std::string bounds =
      least == most ? std::to_string(most) : std::to_string(least) + " to " + std::to_string(most);
  return Refused{Refusal::kAggregate,
                 "the sum of the weights is " + std::to_string(sum) + ", and " +
                     std::to_string(survivors) + " sites of this run weigh " + bounds,
                 kNobody};
}

int32_t LaneSumMax(const Weighing& weighing, const WordLayout& sums, const Scalars& scalars) {
  if (!weighing.within_weight) return sums.sum_max();
  // Each site's bound is rounded up, so by less than one.
  const uint64_t rounding = sums.site_count() * (codec::kWeightOne - 1);
  const uint64_t reach = static_cast<uint64_t>(sums.lane_max()) * WeightOf(scalars) + rounding;
  return static_cast<int32_t>(
      std::min(reach / codec::kWeightOne, static_cast<uint64_t>(sums.sum_max())));
}

}  // namespace dure::masking
