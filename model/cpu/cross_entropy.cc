#include "model/cpu/cross_entropy.h"

#include <algorithm>
#include <cmath>

#include "model/cpu/simd.h"

namespace dure::model::cpu {
namespace {

struct RowSum {
  float most;
  float sum;  // of exp(x - most)
};

// row = exp(row - max).
DURE_SIMD RowSum ExponentialsRow(size_t n, float* row) {
  float most = row[0];
#pragma omp simd reduction(max : most)
  for (size_t i = 0; i < n; ++i) most = row[i] > most ? row[i] : most;
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t i = 0; i < n; ++i) {
    row[i] = FastExp(row[i] - most);
    sum += row[i];
  }
  return {most, sum};
}

DURE_SIMD void ScaleRow(size_t n, float scale, float* row) {
#pragma omp simd
  for (size_t i = 0; i < n; ++i) row[i] *= scale;
}

// The row's loss; the row is left as exponentials with the given sum.
double LossRow(size_t vocab, uint32_t target, float* row, float& sum) {
  const float wanted = row[target];
  const RowSum result = ExponentialsRow(vocab, row);
  sum = result.sum;
  return std::log(static_cast<double>(result.sum)) +
         (static_cast<double>(result.most) - static_cast<double>(wanted));
}

}  // namespace

double CrossEntropy(std::span<const uint32_t> targets, size_t vocab, float* logits) {
  double loss = 0;
  float sum = 0;
  for (size_t r = 0; r < targets.size(); ++r) {
    if (targets[r] != kIgnoredTarget) loss += LossRow(vocab, targets[r], logits + r * vocab, sum);
  }
  return loss;
}

double CrossEntropyBackward(std::span<const uint32_t> targets, size_t vocab, float scale,
                            float* logits) {
  double loss = 0;
  for (size_t r = 0; r < targets.size(); ++r) {
    float* row = logits + r * vocab;
    if (targets[r] == kIgnoredTarget) {
      std::fill_n(row, vocab, 0.0f);
      continue;
    }
    float sum = 0;
    loss += LossRow(vocab, targets[r], row, sum);
    ScaleRow(vocab, scale / sum, row);
    row[targets[r]] -= scale;
  }
  return loss;
}

}  // namespace dure::model::cpu
