// Discrete Gaussian integers: P(x) proportional to exp(-x^2 / (2 variance)), exactly.
//
// The rejection sampler of Canonne, Kamath and Steinke 2020 (algorithms 1 to 3): a discrete Laplace
// integer is kept with a probability that a chain of rational coin tosses decides; every step is
// integer arithmetic, nothing is rounded, so what is proved of the distribution holds of the
// numbers. The time of one draw depends on what is drawn, so a batch is drawn before anything is
// sent, never between messages that somebody may time.
#pragma once

#include <cstdint>
#include <span>

#include "federation/noise/bit_source.h"
#include "federation/result.h"

namespace dure::noise {

inline constexpr uint64_t kVarianceMax = uint64_t{1} << 44;  // 128-bit products hold to there

class DiscreteGaussian {
 public:
  // kInvalid: variance is 0 or above kVarianceMax.
  static Result<DiscreteGaussian> Make(uint64_t variance);

  int64_t Draw(BitSource& bits) const;
  // Adds a draw to each value. REQUIRES: no sum leaves int32 (settings leave that room; 2^-1000
  // and less otherwise): checked.
  void AddTo(std::span<int32_t> values, BitSource& bits) const;

 private:
  explicit DiscreteGaussian(uint64_t variance);
  uint64_t variance_;
  uint64_t scale_;  // of the Laplace proposals: floor(sqrt(variance)) + 1
};

// True with probability exp(-numerator / denominator). REQUIRES: denominator > 0,
// denominator < 2^120. For samplers and their tests.
bool TossExpMinus(Uint128 numerator, Uint128 denominator, BitSource& bits);

}  // namespace dure::noise
