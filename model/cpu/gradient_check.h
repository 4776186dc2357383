// For tests only: an operation's backward against central differences of its forward.
#pragma once

#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <vector>

#include "federation/random.h"

namespace dure::model::cpu {

// Uniform in [-1, 1).
inline std::vector<float> SomeFloats(size_t n, uint64_t seed) {
  SeededRandom random(seed);
  std::vector<float> floats(n);
  for (float& x : floats) x = static_cast<float>(random.Below(1 << 20)) / (1 << 19) - 1.0f;
  return floats;
}

inline double WeightedSum(const std::vector<float>& y, const std::vector<float>& weights) {
  double sum = 0;
  for (size_t i = 0; i < y.size(); ++i) {
    sum += static_cast<double>(y[i]) * static_cast<double>(weights[i]);
  }
  return sum;
}

// `loss` must read `x`; every element of `gradient` must be its derivative.
inline void ExpectGradient(std::vector<float>& x, const std::vector<float>& gradient,
                           const std::function<double()>& loss) {
  constexpr float kStep = 1.0f / 128;
  ASSERT_EQ(x.size(), gradient.size());
  for (size_t i = 0; i < x.size(); ++i) {
    const float old = x[i];
    x[i] = old + kStep;
    const double above = loss();
    x[i] = old - kStep;
    const double below = loss();
    x[i] = old;
    const double expected = (above - below) / (2.0 * static_cast<double>(kStep));
    ASSERT_NEAR(gradient[i], expected, 2e-3 * (1.0 + std::abs(expected))) << "element " << i;
  }
}

}  // namespace dure::model::cpu
