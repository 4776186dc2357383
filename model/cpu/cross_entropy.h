// Softmax and cross-entropy of a few rows of logits, fused. Callers give chunks of rows, so that
// all logits of a batch never exist at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace dure::model::cpu {

// A target that is not predicted: neither loss nor gradient (padding, the prompt of an
// instruction).
inline constexpr uint32_t kIgnoredTarget = UINT32_MAX;

// The sum of -ln softmax(logits)[target] over the rows that have a target. NaN and infinite logits
// give a NaN. logits: [targets, vocab], destroyed.
double CrossEntropy(std::span<const uint32_t> targets, size_t vocab, float* logits);

// The same, and logits become the gradient of scale * sum; zero for rows without a target.
double CrossEntropyBackward(std::span<const uint32_t> targets, size_t vocab, float scale,
                            float* logits);

}  // namespace dure::model::cpu
