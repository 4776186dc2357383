// RMSNorm (Zhang and Sennrich 2019): y = x / sqrt(mean(x²) + eps) ∘ w, row by row.
#pragma once

#include <cstddef>

namespace dure::model::cpu {

// x, y: [rows, dim]; w: [dim]; inverse: [rows], 1 / rms of each row, kept for the backward.
void RmsNorm(size_t rows, size_t dim, double eps, const float* x, const float* w, float* y,
             float* inverse);

// y again from the kept inverse.
void RmsNormAgain(size_t rows, size_t dim, const float* x, const float* w, const float* inverse,
                  float* y);

struct RmsNormGradient {
  const float* x;        // [rows, dim]
  const float* w;        // [dim]
  const float* inverse;  // [rows]
  const float* dy;       // [rows, dim]
  const float* skip;     // [rows, dim]: the gradient that passes the norm by (the residual)
};
// dx = skip + gradient through the norm, [rows, dim], may be `skip` itself; dw [dim] is added to.
void RmsNormBackward(size_t rows, size_t dim, const RmsNormGradient& g, float* dx, float* dw);

}  // namespace dure::model::cpu
