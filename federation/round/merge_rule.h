// How the contributions of a round become one update. Part of a run's manifest; plain values, pure.
//
// All but the mean and direction-norm look at single contributions, so they need a run that is not
// masked, in which every site counts the same. What each one promises, and the paper that proves
// it, stands in federation/merging/choose.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "federation/result.h"

namespace dure::round {

enum class MergeKind : uint8_t {
  kMean = 1,
  kNormBound = 2,         // longer ones are shortened to `factor` times the median norm
  kMedian = 3,            // of each coordinate
  kTrimmedMean = 4,       // of each coordinate, without the `faults` highest and lowest
  kKrum = 5,              // the one contribution that is nearest to its neighbours
  kMultiKrum = 6,         // the mean of the `keep` nearest
  kCenteredClipping = 7,  // about the median, at `factor` times the median distance
  kGeometricMedian = 8,   // the point with the least sum of distances
  kDirectionNorm = 9,     // directions and norms are averaged apart; works under masking
};

struct MergeRule {
  MergeKind kind = MergeKind::kMean;
  uint32_t faults = 0;  // sites that may do anything: trimmed-mean, krum, multi-krum
  uint32_t keep = 0;    // multi-krum
  double factor = 0;    // norm-bound, centered-clipping
  bool operator==(const MergeRule&) const = default;

  bool is_mean() const { return kind == MergeKind::kMean; }
  bool needs_single_updates() const {
    return kind != MergeKind::kMean && kind != MergeKind::kDirectionNorm;
  }
  // "mean", "trimmed-mean=1", "multi-krum=1,3", "norm-bound=1.5": what Parse takes.
  std::string Text() const;
  // As the round-closed entry tells it: nothing of a mean.
  std::string Recorded() const { return is_mean() ? std::string() : Text(); }
  // kInvalid lists the choices.
  static Result<MergeRule> Parse(std::string_view text);
  // Whether its promise holds for every round of that many contributions or more. kInvalid names
  // the number that it needs; also when a field is out of its form.
  Status Validate(uint32_t contributions_min) const;
};

inline uint8_t EnumMax(MergeKind) { return static_cast<uint8_t>(MergeKind::kDirectionNorm); }

}  // namespace dure::round
