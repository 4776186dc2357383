// Softmax and cross-entropy of a chunk of rows of logits, fused; the logits of a whole batch never
// exist.
#pragma once

#include "model/cuda/kernels/number.h"

namespace dure::model::cuda {

// losses[row] = -ln softmax(logits)[target], 0 without a target; NaN for logits that are not
// finite. With kGradient logits become scale (softmax - onehot), zeros without a target.
template <typename T>
struct CrossEntropy {
  static constexpr uint32_t kThreads = 1024;
  // A row that fits is read once and waits in shared memory for its gradient to be made of it: the
  // device's cache does not hold as many rows as are read at once.
  // Two blocks to a multiprocessor of sm_80 and sm_90, and what a block of sm_86 and sm_89 may
  // take.
  static constexpr uint64_t kKeptBytesMax = (99 << 10) - 512;
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
  static uint32_t SharedBytes(const Args& a) { return Keeps(a) ? a.vocab * sizeof(T) : 0; }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    T* const row = a.logits + uint64_t{block.x} * a.vocab;
    const uint32_t target = a.targets[block.x];
    if (target == kIgnored) return Ignore(block, a, row);
    const float wanted = ToFloat(row[target]);
    const bool keeps = Keeps(a);
    T* const kept = block.template Shared<T>();
    typename Block::template Registers<float> most;
    typename Block::template Registers<float> sum;
    // One pass: each thread rescales its sum when its maximum grows (Milakov and Gimelshein 2018).
    block.Phase([&](uint32_t thread) {
      float m = -INFINITY;
      float s = 0;
      ForColumns<kPackOf<T>>(thread, kThreads, a.vocab, [&](auto width, uint32_t i) {
        float x[width.kWidth];
        Load<width.kWidth>(row + i, x);
        if (keeps) Store<width.kWidth>(x, kept + i);
        float top = m;
        for (uint32_t k = 0; k < width.kWidth; ++k) top = x[k] > top ? x[k] : top;
        if (top > m) s *= Exponential(m - top);
        m = top;
        const float shift = m * kLog2E;
        for (uint32_t k = 0; k < width.kWidth; ++k) s += PowerOfTwo(x[k] * kLog2E - shift);
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
      if (a.gradient) {
        // Each thread reads what it kept itself.
        const T* const from = keeps ? kept : row;
        Gradient(a, from, row, target, top, a.scale / total, thread);
      }
    });
  }

 private:
  static DURE_HOST_DEVICE bool Keeps(const Args& a) {
    return a.gradient && uint64_t{a.vocab} * sizeof(T) <= kKeptBytesMax;
  }

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

  static DURE_DEVICE void Gradient(const Args& a, const T* from, T* row, uint32_t target, float top,
                                   float factor, uint32_t thread) {
    const float shift = top * kLog2E;
    ForColumns<kPackOf<T>>(thread, kThreads, a.vocab, [&](auto width, uint32_t i) {
      float x[width.kWidth];
      Load<width.kWidth>(from + i, x);
      for (uint32_t k = 0; k < width.kWidth; ++k) x[k] = PowerOfTwo(x[k] * kLog2E - shift) * factor;
      if (target - i < width.kWidth) {
        for (uint32_t k = 0; k < width.kWidth; ++k) x[k] -= i + k == target ? a.scale : 0.0F;
      }
      Store<width.kWidth>(x, row + i);
    });
  }
};

}  // namespace dure::model::cuda
