// Softmax and cross-entropy of a chunk of rows of logits, fused; the logits of a whole batch never
// exist.
#pragma once

#include "model/cuda/kernels/number.h"

namespace dure::model::cuda {

// losses[row] = -ln softmax(logits)[target], 0 without a target; NaN for logits that are not
// finite. With kGradient logits become scale (softmax - onehot), zeros without a target.
template <typename T>
struct CrossEntropy {
  static constexpr uint32_t kThreads = 256;
  static constexpr uint32_t kIgnored = UINT32_MAX;  // cpu::kIgnoredTarget
  struct Args {
    T* logits;                // [rows, vocab]
    const uint32_t* targets;  // [rows]
    float* losses;            // [rows]
    uint32_t rows;
    uint32_t vocab;
    float scale;
    bool gradient;
  };
  static Grid GridOf(const Args& a) { return {a.rows}; }
  static uint32_t SharedBytes(const Args&) { return 0; }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    T* const row = a.logits + uint64_t{block.x} * a.vocab;
    const uint32_t target = a.targets[block.x];
    if (target == kIgnored) return Ignore(block, a, row);
    const float wanted = ToFloat(row[target]);
    typename Block::template Registers<float> most;
    typename Block::template Registers<float> sum;
    // One pass: each thread rescales its sum when its maximum grows (Milakov and Gimelshein 2018).
    block.Phase([&](uint32_t thread) {
      float m = -INFINITY;
      float s = 0;
      ForColumns<kPackOf<T>>(thread, kThreads, a.vocab, [&](auto width, uint32_t i) {
        float x[width.kWidth];
        Load<width.kWidth>(row + i, x);
        float top = m;
        for (uint32_t k = 0; k < width.kWidth; ++k) top = x[k] > top ? x[k] : top;
        if (top > m) s *= Exponential(m - top);
        m = top;
        for (uint32_t k = 0; k < width.kWidth; ++k) s += Exponential(x[k] - m);
      });
      most[thread] = m;
      sum[thread] = s;
    });
    typename Block::template Registers<float> highest = most;
    const float top = block.BlockMax(highest);
    // A thread without columns has a sum of zero and a maximum of -inf.
    block.Phase([&](uint32_t thread) {
      if (sum[thread] != 0.0F) sum[thread] *= Exponential(most[thread] - top);
    });
    const float total = block.BlockSum(sum);
    block.Last([&](uint32_t thread) {
      if (thread == 0) a.losses[block.x] = logf(total) + (top - wanted);
      if (a.gradient) Gradient(a, row, target, top, a.scale / total, thread);
    });
  }

 private:
  template <typename Block>
  static DURE_DEVICE void Ignore(Block& block, const Args& a, T* row) {
    block.Last([&](uint32_t thread) {
      if (thread == 0) a.losses[block.x] = 0;
      if (!a.gradient) return;
      ForColumns<kPackOf<T>>(thread, kThreads, a.vocab, [&](auto width, uint32_t i) {
        const float zeros[width.kWidth] = {};
        Store<width.kWidth>(zeros, row + i);
      });
    });
  }

  static DURE_DEVICE void Gradient(const Args& a, T* row, uint32_t target, float top, float factor,
                                   uint32_t thread) {
    ForColumns<kPackOf<T>>(thread, kThreads, a.vocab, [&](auto width, uint32_t i) {
      float x[width.kWidth];
      Load<width.kWidth>(row + i, x);
      for (uint32_t k = 0; k < width.kWidth; ++k) {
        x[k] = Exponential(x[k] - top) * factor - (i + k == target ? a.scale : 0.0F);
      }
      Store<width.kWidth>(x, row + i);
    });
  }
};

}  // namespace dure::model::cuda
