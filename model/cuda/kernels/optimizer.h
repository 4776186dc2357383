// AdamW fused: moments, the fp32 master and the weights that are computed with, in one pass.
#pragma once

#include "model/cuda/kernels/number.h"

namespace dure::model::cuda {

// g = gradient scale; m, v their moving means; p = p keep - step_size m / (sqrt(v)
// inverse_root_bias
// + epsilon); weights = p as T, rounded to the nearest or by chance (unbiased).
template <typename T>
struct AdamW {
  static constexpr uint32_t kThreads = 256;
  static constexpr uint32_t kPack = 4;  // numbers at a time where all lie at multiples of 16 bytes
  static constexpr uint32_t kEach = kThreads * kPack;  // of a block
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

  static Grid GridOf(const Args& a) { return {CeilDiv(a.count, kEach)}; }
  static uint32_t SharedBytes(const Args&) { return 0; }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    const uint64_t begin = uint64_t{block.x} * kEach;
    const bool packs = a.count - begin >= kEach && IsAligned(a);
    block.Last([&](uint32_t thread) {
      if (packs) return Update<kPack>(a, begin + thread * kPack);
      for (uint64_t i = begin + thread; i < begin + kEach && i < a.count; i += kThreads) {
        Update<1>(a, i);
      }
    });
  }

 private:
  static DURE_DEVICE bool IsAligned(const Args& a) {
    const auto floats = reinterpret_cast<uintptr_t>(a.parameters) |
                        reinterpret_cast<uintptr_t>(a.gradients) |
                        reinterpret_cast<uintptr_t>(a.m) | reinterpret_cast<uintptr_t>(a.v);
    return floats % (kPack * sizeof(float)) == 0 &&
           reinterpret_cast<uintptr_t>(a.weights) % (kPack * sizeof(T)) == 0;
  }

  template <uint32_t kCount>
  static DURE_DEVICE void Update(const Args& a, uint64_t i) {
    float p[kCount], g[kCount], m[kCount], v[kCount];
    Load<kCount>(a.parameters + i, p);
    Load<kCount>(a.gradients + i, g);
    Load<kCount>(a.m + i, m);
    Load<kCount>(a.v + i, v);
    DURE_UNROLL
    for (uint32_t k = 0; k < kCount; ++k) {
      const float scaled = g[k] * a.gradient_scale;
      m[k] = a.beta1 * m[k] + (1.0F - a.beta1) * scaled;
      v[k] = a.beta2 * v[k] + (1.0F - a.beta2) * scaled * scaled;
      const float root = sqrtf(v[k]) * a.inverse_root_bias + a.epsilon;
      p[k] = p[k] * a.keep - a.step_size * m[k] / root;
    }
    Store<kCount>(m, a.m + i);
    Store<kCount>(v, a.v + i);
    Store<kCount>(p, a.parameters + i);
    if (!a.by_chance) return Store<kCount>(p, a.weights + i);
    DURE_UNROLL
    for (uint32_t k = 0; k < kCount; ++k) {
      a.weights[i + k] = FromFloatByChance<T>(p[k], ChanceBits(a.seed, a.first + i + k));
    }
  }
};

}  // namespace dure::model::cuda
