// Composition of privacy losses: what many steps of sampled Gaussians come to, numerically exact
// from above.
//
// Losses of independent steps add, so their distributions convolve; here in one Fourier transform
// of a window, after exponential tilting by e^(t loss). The tilt moves the mass to where the answer
// is sought, so that a delta of 1e-12 has as many digits as one of 0.1 (untilted transforms lose it
// in rounding). Nothing is rounded in favour of the claim: the grid is pessimistic (loss.h), what
// falls below the window comes back at its top, what lies above it is bounded by Chernoff and
// added, and delta is raised by kArithmeticMargin for the transform's own rounding. Pure; half a
// second.
#pragma once

#include <span>

#include "policy/privacy/mechanism.h"

namespace dure::privacy {

inline constexpr double kArithmeticMargin = 1e-6;  // of delta

struct GaussianSteps {
  SampledGaussian gaussian;
  uint64_t steps = 0;
};

// How fine the grid is: more points, a smaller excess, more time.
struct Resolution {
  size_t points_max = size_t{1} << 18;  // of the window; a power of two
};

// The smallest epsilon >= 0 (up to the grid's excess, never below the truth) at which all steps
// together are (epsilon, delta)-private for adding and for removing a unit.
// REQUIRES: steps is not empty, each passed Check, 0 < delta < 1.
double ComposedEpsilon(std::span<const GaussianSteps> steps, double delta,
                       const Resolution& resolution = {});

// The smallest delta at epsilon, likewise never below the truth. REQUIRES: epsilon >= 0.
double ComposedDelta(std::span<const GaussianSteps> steps, double epsilon,
                     const Resolution& resolution = {});

}  // namespace dure::privacy
