// AdamW fused: moments, the fp32 master and the weights that are computed with, in one pass.
#pragma once

#include "model/cuda/kernels/number.h"

namespace dure::model::cuda {

// g = gradient scale; m, v their moving means; p = p keep - step_size m / (sqrt(v)
// inverse_root_bias
// + epsilon); weights = p as T, rounded to the nearest or by chance (unbiased).
template <typename T>
struct AdamW : Elementwise<4> {
  struct Args {
    float* parameters;  // [count], as all
    const float* gradients;
    float* m;
    float* v;
    T* weights;  // may be parameters, for fp32
    uint64_t count;
    uint64_t first;  // of the range in the flat vector: counts for chance
    uint64_t seed;
    float beta1;
    float beta2;
    float gradient_scale;
    float step_size;          // rate / (1 - beta1^t)
    float inverse_root_bias;  // 1 / sqrt(1 - beta2^t)
    float epsilon;
    float keep;  // 1 - rate decay
    bool by_chance;
  };

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    ForElements(block, a.count, [&](uint64_t i) {
      const float g = a.gradients[i] * a.gradient_scale;
      const float m = a.beta1 * a.m[i] + (1.0F - a.beta1) * g;
      const float v = a.beta2 * a.v[i] + (1.0F - a.beta2) * g * g;
      const float root = sqrtf(v) * a.inverse_root_bias + a.epsilon;
      const float p = a.parameters[i] * a.keep - a.step_size * m / root;
      a.m[i] = m;
      a.v[i] = v;
      a.parameters[i] = p;
      a.weights[i] =
          a.by_chance ? FromFloatByChance<T>(p, ChanceBits(a.seed, a.first + i)) : FromFloat<T>(p);
    });
  }
};

}  // namespace dure::model::cuda
