// What Muon does besides matrix products: momentum, the step to unit length, and the update.
#pragma once

#include "model/cuda/kernels/number.h"

namespace dure::model::cuda {

// m = momentum m + g; the gradient becomes g + momentum m (Nesterov), g being gradient scale.
struct MuonMomentum : Elementwise<4> {
  struct Args {
    float* gradients;
    float* m;
    uint64_t count;
    float gradient_scale;
    float momentum;
  };

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    ForElements(block, a.count, [&](uint64_t i) {
      const float g = a.gradients[i] * a.gradient_scale;
      const float m = a.momentum * a.m[i] + g;
      a.m[i] = m;
      a.gradients[i] = g + a.momentum * m;
    });
  }
};

// out = in over its length, whose square is the sum of parts (Sums).
template <typename T>
struct ToUnitLength : Elementwise<8> {
  struct Args {
    const float* in;
    const double* parts;  // [part_count]
    T* out;
    uint64_t count;
    uint32_t part_count;
  };

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    typename Block::template Registers<double> part;
    block.Phase([&](uint32_t thread) {
      double sum = 0;
      for (uint32_t i = thread; i < a.part_count; i += kThreads) sum += a.parts[i];
      part[thread] = sum;
    });
    const float length = sqrtf(static_cast<float>(block.BlockSum(part)));
    const float inverse = 1.0F / (length + 1e-7F);
    ForElements(block, a.count, [&](uint64_t i) { a.out[i] = FromFloat<T>(a.in[i] * inverse); });
  }
};

// p = p keep - step x, and p as T.
template <typename T>
struct MuonApply : Elementwise<4> {
  struct Args {
    float* parameters;
    const T* x;
    T* weights;  // may be parameters, for fp32
    uint64_t count;
    float keep;
    float step;
  };

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    ForElements(block, a.count, [&](uint64_t i) {
      const float p = a.parameters[i] * a.keep - a.step * ToFloat(a.x[i]);
      a.parameters[i] = p;
      a.weights[i] = FromFloat<T>(p);
    });
  }
};

}  // namespace dure::model::cuda
