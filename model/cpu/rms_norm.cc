#include "model/cpu/rms_norm.h"

#include <cmath>

#include "model/cpu/simd.h"

namespace dure::model::cpu {
namespace {

DURE_SIMD float SumOfSquares(size_t n, const float* x) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t i = 0; i < n; ++i) sum += x[i] * x[i];
  return sum;
}

DURE_SIMD void Scale(size_t n, const float* x, const float* w, float scale, float* y) {
#pragma omp simd
  for (size_t i = 0; i < n; ++i) y[i] = x[i] * scale * w[i];
}

DURE_SIMD float Dot3(size_t n, const float* a, const float* b, const float* c) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t i = 0; i < n; ++i) sum += a[i] * b[i] * c[i];
  return sum;
}

// With n = inverse x: dw += dy ∘ n and dx = skip + inverse (dy ∘ w - n mean(dy ∘ w ∘ n)).
DURE_SIMD void BackwardRow(size_t n, const RmsNormGradient& row, float inverse, float mean,
                           float* dx, float* dw) {
  const float* x = row.x;
  const float* w = row.w;
  const float* dy = row.dy;
  const float* skip = row.skip;
#pragma omp simd
  for (size_t i = 0; i < n; ++i) {
    const float normal = x[i] * inverse;
    dw[i] += dy[i] * normal;
    dx[i] = skip[i] + inverse * (dy[i] * w[i] - normal * mean);
  }
}

}  // namespace

void RmsNorm(size_t rows, size_t dim, double eps, const float* x, const float* w, float* y,
             float* inverse) {
  for (size_t r = 0; r < rows; ++r) {
    const double mean =
        static_cast<double>(SumOfSquares(dim, x + r * dim)) / static_cast<double>(dim);
    inverse[r] = static_cast<float>(1.0 / std::sqrt(mean + eps));
    Scale(dim, x + r * dim, w, inverse[r], y + r * dim);
  }
}

void RmsNormAgain(size_t rows, size_t dim, const float* x, const float* w, const float* inverse,
                  float* y) {
  for (size_t r = 0; r < rows; ++r) Scale(dim, x + r * dim, w, inverse[r], y + r * dim);
}

void RmsNormBackward(size_t rows, size_t dim, const RmsNormGradient& g, float* dx, float* dw) {
  for (size_t r = 0; r < rows; ++r) {
    const size_t at = r * dim;
    const RmsNormGradient row{
        .x = g.x + at, .w = g.w, .inverse = nullptr, .dy = g.dy + at, .skip = g.skip + at};
    const float mean = Dot3(dim, row.x, row.w, row.dy) * g.inverse[r] / static_cast<float>(dim);
    BackwardRow(dim, row, g.inverse[r], mean, dx + at, dw);
  }
}

}  // namespace dure::model::cpu
