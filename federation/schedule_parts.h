// How long the parts of a learning-rate schedule may be: the one rule for a run's manifest
// (federation/round) and for whoever computes the rates (model/cpu).
#pragma once

#include <cstdint>

namespace dure {

// Steps of a whole run whose rate falls in the end.
struct ScheduleParts {
  uint64_t warmup = 0;
  uint64_t decay = 0;  // 0 where the rate falls from the end of the warm-up on
  uint64_t total = 0;
};

// At least one step is left behind the warm-up.
constexpr bool WarmupFits(const ScheduleParts& parts) { return parts.warmup < parts.total; }
constexpr bool DecayFits(const ScheduleParts& parts) {
  return WarmupFits(parts) && parts.decay <= parts.total - parts.warmup;
}

}  // namespace dure
