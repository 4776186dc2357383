// AdamW (Loshchilov and Hutter 2019) on a range of the flat vector, decay decoupled.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dure::model::cpu {

struct AdamW {
  double learning_rate;
  double beta1;
  double beta2;
  double epsilon;
  double weight_decay;
  double gradient_scale;  // multiplies the gradient first: clipping
  uint64_t step;          // counted from 1: corrects the bias of the moments
};

// p -= rate * (m̂ / (sqrt(v̂) + epsilon) + weight_decay * p), m and v updated. All [n].
struct AdamWTensors {
  float* parameters;
  const float* gradients;
  float* m;
  float* v;
};
void AdamWUpdate(const AdamW& options, size_t n, const AdamWTensors& tensors);

// The sum of squares in double; NaN or infinity anywhere shows in it.
double SumOfSquares(size_t n, const float* x);

}  // namespace dure::model::cpu
