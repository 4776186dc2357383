// RMSNorm, y = x inverse ∘ w with inverse = 1 / sqrt(mean(x²) + eps), and its backward fused with
// the residual that passes it by.
#pragma once

#include "model/cuda/kernels/number.h"

namespace dure::model::cuda {

// A warp a row.
template <typename T>
struct RmsNorm {
  static constexpr uint32_t kThreads = 128;
  static constexpr uint32_t kRows = kThreads / 32;
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
  static Grid GridOf(const Args& a) { return {CeilDiv(a.rows, kRows)}; }
  static uint32_t SharedBytes(const Args&) { return 0; }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    typename Block::template Registers<float> squares;
    block.Own([&](uint32_t thread) {
      const uint32_t row = block.x * kRows + thread / 32;
      squares[thread] = row < a.rows && !a.keeps ? Squares(a, row, thread % 32) : 0.0F;
    });
    block.template GroupSum<32>(squares);
    block.Last([&](uint32_t thread) {
      const uint32_t row = block.x * kRows + thread / 32;
      if (row >= a.rows) return;
      const float inverse = a.keeps
                                ? a.inverse[row]
                                : 1.0F / sqrtf(squares[thread] / static_cast<float>(a.dim) + a.eps);
      if (thread % 32 == 0 && !a.keeps) a.inverse[row] = inverse;
      const uint64_t at = uint64_t{row} * a.dim;
      ForColumns<kPackOf<T>>(thread % 32, 32, a.dim, [&](auto width, uint32_t i) {
        float values[width.kWidth], w[width.kWidth];
        Load<width.kWidth>(a.x + at + i, values);
        Load<width.kWidth>(a.w + i, w);
        for (uint32_t k = 0; k < width.kWidth; ++k) values[k] *= inverse * w[k];
        Store<width.kWidth>(values, a.y + at + i);
      });
    });
  }

 private:
  // This lane's part of the row's sum.
  static DURE_DEVICE float Squares(const Args& a, uint32_t row, uint32_t lane) {
    const T* const x = a.x + uint64_t{row} * a.dim;
    float sum = 0;
    ForColumns<kPackOf<T>>(lane, 32, a.dim, [&](auto width, uint32_t i) {
      float values[width.kWidth];
      Load<width.kWidth>(x + i, values);
      for (uint32_t k = 0; k < width.kWidth; ++k) sum += values[k] * values[k];
    });
    return sum;
  }
};

// With n = inverse x: dx = skip + inverse (dy ∘ w - n mean(dy ∘ w ∘ n)). A block takes four rows at
// a time, its first the four from 4 b on: a warp a row for the means, then all threads for their
// own columns. It sums dy ∘ n over its rows; ColumnSums adds these sums in the order of the blocks.
template <typename T>
struct RmsNormBackward {
  static constexpr uint32_t kThreads = 128;
  static constexpr uint32_t kRows = kThreads / 32;
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
  static uint32_t SharedBytes(const Args& a) { return (kRows + a.dim) * sizeof(float); }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    float* const means = block.template Shared<float>();
    float* const dw = means + kRows;
    typename Block::template Registers<float> products;
    block.Phase([&](uint32_t thread) {
      for (uint32_t i = thread; i < a.dim; i += kThreads) dw[i] = 0;
    });
    for (uint32_t first = block.x * kRows; first < a.rows; first += a.blocks * kRows) {
      block.Own([&](uint32_t thread) {
        const uint32_t row = first + thread / 32;
        products[thread] = row < a.rows ? Products(a, row, thread % 32) : 0.0F;
      });
      block.template GroupSum<32>(products);
      block.Phase([&](uint32_t thread) {
        const uint32_t row = first + thread / 32;
        if (thread % 32 != 0 || row >= a.rows) return;
        means[thread / 32] = products[thread] * a.inverse[row] / static_cast<float>(a.dim);
      });
      block.Phase([&](uint32_t thread) { Rows(a, first, means, thread, dw); });
    }
    block.Last([&](uint32_t thread) {
      for (uint32_t i = thread; i < a.dim; i += kThreads) {
        a.parts[uint64_t{block.x} * a.dim + i] = dw[i];
      }
    });
  }

 private:
  // This lane's part of the row's sum of x ∘ w ∘ dy.
  static DURE_DEVICE float Products(const Args& a, uint32_t row, uint32_t lane) {
    const uint64_t at = uint64_t{row} * a.dim;
    float sum = 0;
    ForColumns<kPackOf<T>>(lane, 32, a.dim, [&](auto width, uint32_t i) {
      float x[width.kWidth], w[width.kWidth], dy[width.kWidth];
      Load<width.kWidth>(a.x + at + i, x);
      Load<width.kWidth>(a.w + i, w);
      Load<width.kWidth>(a.dy + at + i, dy);
      for (uint32_t k = 0; k < width.kWidth; ++k) sum += x[k] * w[k] * dy[k];
    });
    return sum;
  }

  // This thread's columns of the four rows.
  static DURE_DEVICE void Rows(const Args& a, uint32_t first, const float* means, uint32_t thread,
                               float* dw) {
    ForColumns<kPackOf<T>>(thread, kThreads, a.dim, [&](auto width, uint32_t i) {
      float w[width.kWidth], sums[width.kWidth] = {};
      Load<width.kWidth>(a.w + i, w);
      DURE_UNROLL
      for (uint32_t r = 0; r < kRows; ++r) {
        if (first + r >= a.rows) continue;
        const uint64_t at = uint64_t{first + r} * a.dim + i;
        const float inverse = a.inverse[first + r];
        float x[width.kWidth], dy[width.kWidth], dx[width.kWidth] = {};
        Load<width.kWidth>(a.x + at, x);
        Load<width.kWidth>(a.dy + at, dy);
        if (a.skip != nullptr) Load<width.kWidth>(a.skip + at, dx);
        for (uint32_t k = 0; k < width.kWidth; ++k) {
          const float normal = x[k] * inverse;
          sums[k] += dy[k] * normal;
          dx[k] += inverse * (dy[k] * w[k] - normal * means[r]);
        }
        Store<width.kWidth>(dx, a.dx + at);
      }
      for (uint32_t k = 0; k < width.kWidth; ++k) dw[i + k] += sums[k];
    });
  }
};

// The same for rows of at most 32 kPacks packs: each warp holds its row, and the sums of its rows,
// in registers, so that nothing is read twice and no warp waits for another.
template <typename T>
struct RmsNormBackwardHeld {
  static constexpr uint32_t kPacks = 4;
  using Args = typename RmsNormBackward<T>::Args;
  static constexpr uint32_t kThreads = 128;
  static constexpr uint32_t kRows = kThreads / 32;
  static constexpr uint32_t kPack = kPackOf<T>;
  static constexpr uint32_t kDimMax = 32 * kPacks * kPack;
  static constexpr uint32_t kBlocks = 528;  // as many as the largest GPUs compute at once
  static bool Holds(const Args& a) { return a.dim % kPack == 0 && a.dim <= kDimMax; }
  static Grid GridOf(const Args& a) { return {a.blocks}; }
  static uint32_t SharedBytes(const Args& a) { return kRows * a.dim * sizeof(float); }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    typename Block::template Registers<Held> held;
    typename Block::template Registers<float> products;
    block.Own([&](uint32_t thread) { held[thread].sums = {}; });
    for (uint32_t first = block.x * kRows; first < a.rows; first += a.blocks * kRows) {
      block.Own([&](uint32_t thread) {
        const uint32_t row = first + thread / 32;
        products[thread] = row < a.rows ? Read(a, row, thread % 32, held[thread]) : 0.0F;
      });
      block.template GroupSum<32>(products);
      block.Own([&](uint32_t thread) {
        const uint32_t row = first + thread / 32;
        if (row < a.rows) Write(a, row, thread % 32, products[thread], held[thread]);
      });
    }
    float* const sums = block.template Shared<float>();
    block.Phase([&](uint32_t thread) {
      ForPacks(a, thread % 32, [&](uint32_t pack, uint32_t column) {
        DURE_UNROLL
        for (uint32_t k = 0; k < kPack; ++k) {
          sums[thread / 32 * a.dim + column + k] = held[thread].sums.of[pack][k];
        }
      });
    });
    block.Last([&](uint32_t thread) {
      for (uint32_t i = thread; i < a.dim; i += kThreads) {
        float sum = 0;
        for (uint32_t warp = 0; warp < kRows; ++warp) sum += sums[warp * a.dim + i];
        a.parts[uint64_t{block.x} * a.dim + i] = sum;
      }
    });
  }

 private:
  struct ColumnSum {
    float of[kPacks][kPack];
  };
  struct Held {
    ColumnSum sums;
    Pack<T, kPack> x[kPacks];
    Pack<T, kPack> dy[kPacks];
  };

  template <typename F>
  static DURE_DEVICE void ForPacks(const Args& a, uint32_t lane, F f) {
    DURE_UNROLL
    for (uint32_t pack = 0; pack < kPacks; ++pack) {
      const uint32_t column = (pack * 32 + lane) * kPack;
      if (column < a.dim) f(pack, column);
    }
  }

  // This lane's part of the row's sum of x ∘ w ∘ dy.
  static DURE_DEVICE float Read(const Args& a, uint32_t row, uint32_t lane, Held& held) {
    const uint64_t at = uint64_t{row} * a.dim;
    ForPacks(a, lane, [&](uint32_t pack, uint32_t column) {
      held.x[pack] = LoadPack<kPack>(a.x + at + column);
      held.dy[pack] = LoadPack<kPack>(a.dy + at + column);
    });
    float sum = 0;
    ForPacks(a, lane, [&](uint32_t pack, uint32_t column) {
      float x[kPack], w[kPack], dy[kPack];
      Load<kPack>(a.w + column, w);
      Unpack(held.x[pack], x);
      Unpack(held.dy[pack], dy);
      DURE_UNROLL
      for (uint32_t k = 0; k < kPack; ++k) sum += x[k] * w[k] * dy[k];
    });
    return sum;
  }

  static DURE_DEVICE void Write(const Args& a, uint32_t row, uint32_t lane, float product,
                                Held& held) {
    const uint64_t at = uint64_t{row} * a.dim;
    const float inverse = a.inverse[row];
    const float mean = product * inverse / static_cast<float>(a.dim);
    ForPacks(a, lane, [&](uint32_t pack, uint32_t column) {
      float x[kPack], w[kPack], dy[kPack], dx[kPack] = {};
      Load<kPack>(a.w + column, w);
      Unpack(held.x[pack], x);
      Unpack(held.dy[pack], dy);
      if (a.skip != nullptr) Load<kPack>(a.skip + at + column, dx);
      DURE_UNROLL
      for (uint32_t k = 0; k < kPack; ++k) {
        const float normal = x[k] * inverse;
        held.sums.of[pack][k] += dy[k] * normal;
        dx[k] += inverse * (dy[k] * w[k] - normal * mean);
      }
      Store<kPack>(dx, a.dx + at + column);
    });
  }
};

// out[c] += the sum of parts[b][c] over b: sums of every kGroups-th, added in order.
struct ColumnSums {
  static constexpr uint32_t kThreads = 256;
  static constexpr uint32_t kColumns = 8;  // of a block: 32 bytes, which memory gives at once
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
