#include "model/cpu/adamw.h"

#include <algorithm>
#include <cmath>

#include "model/cpu/simd.h"

namespace dure::model::cpu {
namespace {

struct Factors {
  float beta1;
  float beta2;
  float gradient_scale;
  float step_size;          // rate / (1 - beta1^t)
  float inverse_root_bias;  // 1 / sqrt(1 - beta2^t)
  float epsilon;
  float keep;  // 1 - rate * decay
};

DURE_SIMD void Update(size_t n, const Factors& f, const AdamWTensors& tensors) {
  const Factors c = f;
  float* p = tensors.parameters;
  const float* gradients = tensors.gradients;
  float* m = tensors.m;
  float* v = tensors.v;
#pragma omp simd
  for (size_t i = 0; i < n; ++i) {
    const float g = gradients[i] * c.gradient_scale;
    m[i] = c.beta1 * m[i] + (1.0f - c.beta1) * g;
    v[i] = c.beta2 * v[i] + (1.0f - c.beta2) * g * g;
    const float root = __builtin_sqrtf(v[i]) * c.inverse_root_bias + c.epsilon;
    p[i] = p[i] * c.keep - c.step_size * m[i] / root;
  }
}

// In blocks: a float sum of few terms is exact enough, and the double sum over blocks keeps the
// rest.
DURE_SIMD float BlockSum(size_t n, const float* x) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t i = 0; i < n; ++i) sum += x[i] * x[i];
  return sum;
}

}  // namespace

void AdamWUpdate(const AdamW& o, size_t n, const AdamWTensors& tensors) {
  const double t = static_cast<double>(o.step);
  const Factors factors{
      .beta1 = static_cast<float>(o.beta1),
      .beta2 = static_cast<float>(o.beta2),
      .gradient_scale = static_cast<float>(o.gradient_scale),
      .step_size = static_cast<float>(o.learning_rate / (1.0 - std::pow(o.beta1, t))),
      .inverse_root_bias = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(o.beta2, t))),
      .epsilon = static_cast<float>(o.epsilon),
      .keep = static_cast<float>(1.0 - o.learning_rate * o.weight_decay)};
  Update(n, factors, tensors);
}

double SumOfSquares(size_t n, const float* x) {
  constexpr size_t kBlock = 1024;
  double sum = 0;
  for (size_t at = 0; at < n; at += kBlock) {
    sum += static_cast<double>(BlockSum(std::min(kBlock, n - at), x + at));
  }
  return sum;
}

}  // namespace dure::model::cpu
