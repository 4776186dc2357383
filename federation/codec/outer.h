// The outer step: the aggregate's mean, fed to an optimizer as a gradient, gives the next model.
// Elementwise, in double from fp32, each result rounded once, without contraction: every site gets
// the aggregator's bits.
//
//   mean = sum * f,  f = s / (L * weight_sum / 2^20)    (f rounded once a block, in double)
//   v'   = fl32(mu * v + mean)                           (first step: v = 0)
//   t'   = fl32(t - eta * (mean + mu * v'))              (Nesterov as in PyTorch's SGD; DiLoCo,
//   arXiv 2311.08105)
//
// eta = 1 and mu = 0 is FedAvg: then nothing of v is read or kept.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "federation/codec/aggregate.h"
#include "federation/result.h"

namespace dure::codec {

struct OuterOptimizer {
  double eta = 0.7;
  double mu = 0.9;
  static OuterOptimizer FedAvg() { return {1.0, 0.0}; }
  bool keeps_momentum() const { return mu != 0; }
};

// kInvalid unless 0 < eta <= 10 and 0 <= mu < 1.
Status Check(const OuterOptimizer& outer);

// All spans over the same parameters.
struct OuterInput {
  std::span<const float> base;
  std::span<const float> momentum;  // empty: zeros; ignored if the optimizer keeps none
};
struct OuterOutput {
  std::span<float> model;
  std::span<float> momentum;  // empty if the optimizer keeps none
};

// The step from means already in double. kInvalid: a result is NaN or infinite; outputs are then
// void.
Status OuterStep(const OuterOptimizer& outer, std::span<const double> mean, const OuterInput& in,
                 const OuterOutput& out);

// Turns the mean of a whole block back, in place, where sites rotated what they sent: the same bits
// at every site. Any thread.
using TurnBack = std::function<void(uint64_t block, std::span<float> mean)>;

struct AggregateInput {
  PlaneView planes;                     // of the range, from PlanesOf
  std::span<const float> scales;        // one a block of the range
  uint64_t weight_sum = 0;              // of the contributions, in [1, site_count * 2^20]
  const TurnBack* turn_back = nullptr;  // null: nothing was rotated
  uint64_t first_block = 0;             // of the range in the whole vector
};

// The step of a range that begins at a block, lies in one segment and ends at a block or at the
// vector's end. Adds to squares (one a block) the exact sum of squared sums. REQUIRES: sizes fit.
// kCorrupt: as UnpackSums; kInvalid: as OuterStep; outputs are then void.
Status OuterStepRange(const AggregateLayout& layout, const OuterOptimizer& outer,
                      const AggregateInput& aggregate, const OuterInput& in, const OuterOutput& out,
                      std::span<uint64_t> squares);

}  // namespace dure::codec
