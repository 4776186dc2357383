// Gaussian noise from cryptographic chance, for DP-SGD.
//
// Box-Muller in double from 53-bit uniforms, and the sum rounded to a grid of 2^-20 of the
// deviation: so that the low bits of what is summed cannot be read off those of the result
// (Mironov 2012). It is a floating-point Gaussian all the same: its tail ends at 8.6 deviations,
// and the accountant counts the ideal one.
#pragma once

#include <span>

#include "federation/random.h"

namespace dure::model::cpu {

// The step of the grid: the power of two at or below 2^-20 deviations.
double NoiseGrid(double deviation);

// Adds a draw of that deviation to each value, then rounds to the grid. REQUIRES: deviation > 0.
void AddGaussianNoise(double deviation, Random& random, std::span<float> values);

}  // namespace dure::model::cpu
