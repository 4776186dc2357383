// The privacy loss distribution of one sampled Gaussian step, on a grid, never too small.
//
// The loss is ln P(x)/Q(x) for x drawn from P, where P and Q are what comes out with and without
// one unit (or the other way round). Its hockey-stick curve delta(e) = P(loss > e) - e^e Q(loss >
// e) is known in closed form; the grid distribution is the one whose curve meets it at each grid
// point and is straight in e^e between ("connect the dots": Doroshenko, Ghazi, Kamath, Kumar,
// Manurangsi 2022). The curve is convex, so the grid's lies above it: every composition of grid
// distributions claims at least the true delta. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "policy/privacy/mechanism.h"

namespace dure::privacy {

enum class Direction { kRemove, kAdd };  // which of the neighbours the unit is in: P, or Q

// delta(epsilon) of one step, for any finite epsilon.
double HockeyStick(const SampledGaussian& gaussian, Direction direction, double epsilon);

struct LossDistribution {
  double step = 0;           // between grid points
  int64_t first = 0;         // mass[i] sits at loss (first + i) * step
  std::vector<double> mass;  // each >= 0
  double infinite = 0;       // P of a loss beyond the grid

  double LossAt(size_t i) const {
    return static_cast<double>(first + static_cast<int64_t>(i)) * step;
  }
};

// [low, high]: outside it one step's loss has probability below 1e-32.
struct LossSpan {
  double low = 0;
  double high = 0;
};
LossSpan SpanOf(const SampledGaussian& gaussian, Direction direction);

// REQUIRES: step > 0, and the span is at most 2^22 steps wide.
LossDistribution LossOf(const SampledGaussian& gaussian, Direction direction, double step);

}  // namespace dure::privacy
