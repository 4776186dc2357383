// RMSNorm, y = x inverse ∘ w with inverse = 1 / sqrt(mean(x²) + eps), and its backward fused with
// the residual that passes it by.
#pragma once

#include "model/cuda/kernels/number.h"

namespace dure::model::cuda {

template <typename T>
struct RmsNorm {
  static constexpr uint32_t kThreads = 128;
  struct Args {
    const T* x;      // [rows, dim]
    const T* w;      // [dim]
    T* y;            // [rows, dim]
    float* inverse;  // [rows]
    uint32_t rows;
    uint32_t dim;
    float eps;
    bool keeps;  // inverse is given: y is made again from it
  };
  static Grid GridOf(const Args& a) { return {a.rows}; }
  static uint32_t SharedBytes(const Args&) { return 0; }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    const T* const x = a.x + uint64_t{block.x} * a.dim;
    T* const y = a.y + uint64_t{block.x} * a.dim;
    const float inverse = a.keeps ? a.inverse[block.x] : Inverse(block, a, x);
    block.Last([&](uint32_t thread) {
      if (thread == 0 && !a.keeps) a.inverse[block.x] = inverse;
      ForColumns<kPackOf<T>>(thread, kThreads, a.dim, [&](auto width, uint32_t i) {
        float values[width.kWidth], w[width.kWidth];
        Load<width.kWidth>(x + i, values);
        Load<width.kWidth>(a.w + i, w);
        for (uint32_t k = 0; k < width.kWidth; ++k) values[k] *= inverse * w[k];
        Store<width.kWidth>(values, y + i);
      });
    });
  }

 private:
  template <typename Block>
  static DURE_DEVICE float Inverse(Block& block, const Args& a, const T* x) {
    typename Block::template Registers<float> squares;
    block.Phase([&](uint32_t thread) {
      float sum = 0;
      ForColumns<kPackOf<T>>(thread, kThreads, a.dim, [&](auto width, uint32_t i) {
        float values[width.kWidth];
        Load<width.kWidth>(x + i, values);
        for (uint32_t k = 0; k < width.kWidth; ++k) sum += values[k] * values[k];
      });
      squares[thread] = sum;
    });
    return 1.0F / sqrtf(block.BlockSum(squares) / static_cast<float>(a.dim) + a.eps);
  }
};

// With n = inverse x: dx = skip + inverse (dy ∘ w - n mean(dy ∘ w ∘ n)). Block b sums dy ∘ n over
// the rows b, b + blocks, …; ColumnSums adds these sums in the order of the blocks.
template <typename T>
struct RmsNormBackward {
  static constexpr uint32_t kThreads = 128;
  struct Args {
    const T* x;            // [rows, dim]
    const T* w;            // [dim]
    const float* inverse;  // [rows]
    const T* dy;           // [rows, dim]
    const T* skip;         // [rows, dim]; null: zeros
    T* dx;                 // [rows, dim], may be skip
    float* parts;          // [blocks, dim]
    uint32_t rows;
    uint32_t dim;
    uint32_t blocks;
  };
  static Grid GridOf(const Args& a) { return {a.blocks}; }
  static uint32_t SharedBytes(const Args& a) { return a.dim * sizeof(float); }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    float* const dw = block.template Shared<float>();
    typename Block::template Registers<float> products;
    block.Phase([&](uint32_t thread) {
      ForColumns<kPackOf<T>>(thread, kThreads, a.dim, [&](auto width, uint32_t i) {
        for (uint32_t k = 0; k < width.kWidth; ++k) dw[i + k] = 0;
      });
    });
    for (uint32_t row = block.x; row < a.rows; row += a.blocks) {
      const uint64_t at = uint64_t{row} * a.dim;
      const float inverse = a.inverse[row];
      block.Phase([&](uint32_t thread) { products[thread] = Products(a, at, thread); });
      const float mean = block.BlockSum(products) * inverse / static_cast<float>(a.dim);
      block.Phase([&](uint32_t thread) { Row(a, at, inverse, mean, thread, dw); });
    }
    block.Last([&](uint32_t thread) {
      ForColumns<kPackOf<T>>(thread, kThreads, a.dim, [&](auto width, uint32_t i) {
        for (uint32_t k = 0; k < width.kWidth; ++k) {
          a.parts[uint64_t{block.x} * a.dim + i + k] = dw[i + k];
        }
      });
    });
  }

 private:
  // This thread's part of the sum of x ∘ w ∘ dy.
  static DURE_DEVICE float Products(const Args& a, uint64_t at, uint32_t thread) {
    float sum = 0;
    ForColumns<kPackOf<T>>(thread, kThreads, a.dim, [&](auto width, uint32_t i) {
      float x[width.kWidth], w[width.kWidth], dy[width.kWidth];
      Load<width.kWidth>(a.x + at + i, x);
      Load<width.kWidth>(a.w + i, w);
      Load<width.kWidth>(a.dy + at + i, dy);
      for (uint32_t k = 0; k < width.kWidth; ++k) sum += x[k] * w[k] * dy[k];
    });
    return sum;
  }

  static DURE_DEVICE void Row(const Args& a, uint64_t at, float inverse, float mean,
                              uint32_t thread, float* dw) {
    ForColumns<kPackOf<T>>(thread, kThreads, a.dim, [&](auto width, uint32_t i) {
      float x[width.kWidth], w[width.kWidth], dy[width.kWidth], dx[width.kWidth] = {};
      Load<width.kWidth>(a.x + at + i, x);
      Load<width.kWidth>(a.w + i, w);
      Load<width.kWidth>(a.dy + at + i, dy);
      if (a.skip != nullptr) Load<width.kWidth>(a.skip + at + i, dx);
      for (uint32_t k = 0; k < width.kWidth; ++k) {
        const float normal = x[k] * inverse;
        dw[i + k] += dy[k] * normal;
        dx[k] += inverse * (dy[k] * w[k] - normal * mean);
      }
      Store<width.kWidth>(dx, a.dx + at + i);
    });
  }
};

// out[c] += the sum of parts[b][c] over b: eight sums of every eighth, added in order.
struct ColumnSums {
  static constexpr uint32_t kThreads = 256;
  static constexpr uint32_t kColumns = 32;  // of a block
  static constexpr uint32_t kGroups = kThreads / kColumns;
  struct Args {
    const float* parts;  // [blocks, dim]
    float* out;          // [dim]
    uint32_t blocks;
    uint32_t dim;
  };
  static Grid GridOf(const Args& a) { return {CeilDiv(a.dim, kColumns)}; }
  static uint32_t SharedBytes(const Args&) { return kThreads * sizeof(float); }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    float* const sums = block.template Shared<float>();
    block.Phase([&](uint32_t thread) {
      const uint32_t column = block.x * kColumns + thread % kColumns;
      float sum = 0;
      for (uint32_t b = thread / kColumns; column < a.dim && b < a.blocks; b += kGroups) {
        sum += a.parts[uint64_t{b} * a.dim + column];
      }
      sums[thread] = sum;
    });
    block.Last([&](uint32_t thread) {
      const uint32_t column = block.x * kColumns + thread;
      if (thread >= kColumns || column >= a.dim) return;
      float sum = 0;
      for (uint32_t group = 0; group < kGroups; ++group) sum += sums[group * kColumns + thread];
      a.out[column] += sum;
    });
  }
};

}  // namespace dure::model::cuda
