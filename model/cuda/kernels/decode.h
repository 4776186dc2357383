// One token at a time: matrix times vector, and attention of one query over cached keys, split over
// the keys so that the whole device reads the cache.
#pragma once

#include "model/cuda/kernels/attention_tile.h"

namespace dure::model::cuda {

// y [rows] = matrix [rows, inner] x [inner], plus y where it adds. A warp a row.
template <typename T, typename Y>
struct MatrixVector {
  static constexpr uint32_t kThreads = 256;
  static constexpr uint32_t kRows = kThreads / 32;
  struct Args {
    const T* matrix;
    const T* x;
    Y* y;
    uint32_t rows;
    uint32_t inner;
    bool adds;
  };
  static Grid GridOf(const Args& a) { return {CeilDiv(a.rows, kRows)}; }
  static uint32_t SharedBytes(const Args&) { return 0; }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    typename Block::template Registers<float> sum;
    block.Phase([&](uint32_t thread) {
      const uint32_t row = block.x * kRows + thread / 32;
      float own = 0;
      if (row < a.rows) {
        const T* const w = a.matrix + uint64_t{row} * a.inner;
        ForColumns<kPackOf<T>>(thread % 32, 32, a.inner, [&](auto width, uint32_t i) {
          float left[width.kWidth], right[width.kWidth];
          Load<width.kWidth>(w + i, left);
          Load<width.kWidth>(a.x + i, right);
          for (uint32_t k = 0; k < width.kWidth; ++k) own += left[k] * right[k];
        });
      }
      sum[thread] = own;
    });
    block.template GroupSum<32>(sum);
    block.Last([&](uint32_t thread) {
      const uint32_t row = block.x * kRows + thread / 32;
      if (thread % 32 != 0 || row >= a.rows) return;
      a.y[row] = FromFloat<Y>(sum[thread] + (a.adds ? ToFloat(a.y[row]) : 0.0F));
    });
  }
};

inline constexpr uint32_t kDecodeKeys = 128;  // of one split

// The attention of one query over keys [0, keys) in splits: each leaves its softmax unfinished as
// (most, sum, Σ p v), and DecodeJoin puts them together.
template <typename T>
struct DecodeSplit {
  static constexpr uint32_t kThreads = kDecodeKeys;
  struct Args {
    const T* q;       // [heads, dim]
    const T* keys;    // [count, kv_heads dim]
    const T* values;  // [count, kv_heads dim]
    float* parts;     // [heads, splits, 2 + dim]
    uint32_t count;   // keys there are
    uint32_t heads;
    uint32_t kv_heads;
    uint32_t dim;
    float scale;
  };
  static Grid GridOf(const Args& a) { return {CeilDiv(a.count, kDecodeKeys), a.heads}; }
  static uint32_t SharedBytes(const Args&) { return kDecodeKeys * sizeof(float); }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    float* const p = block.template Shared<float>();
    const uint32_t first = block.x * kDecodeKeys;
    const uint32_t stride = a.kv_heads * a.dim;
    const uint32_t at = block.y / (a.heads / a.kv_heads) * a.dim;
    typename Block::template Registers<float> score;
    block.Phase([&](uint32_t thread) {
      score[thread] = first + thread < a.count ? Score(a, block.y, first + thread) : -INFINITY;
    });
    typename Block::template Registers<float> highest = score;
    const float most = block.BlockMax(highest);
    block.Phase([&](uint32_t thread) {
      score[thread] = first + thread < a.count ? Exponential(score[thread] - most) : 0.0F;
      p[thread] = score[thread];
    });
    const float sum = block.BlockSum(score);
    float* const part =
        a.parts + (uint64_t{block.y} * CeilDiv(a.count, kDecodeKeys) + block.x) * (2 + a.dim);
    const uint32_t end = a.count - first < kDecodeKeys ? a.count - first : kDecodeKeys;
    block.Last([&](uint32_t thread) {
      if (thread == 0) {
        part[0] = most;
        part[1] = sum;
      }
      for (uint32_t c = thread; c < a.dim; c += kThreads) {
        float weighted = 0;
        for (uint32_t key = 0; key < end; ++key) {
          weighted += p[key] * ToFloat(a.values[uint64_t{first + key} * stride + at + c]);
        }
        part[2 + c] = weighted;
      }
    });
  }

 private:
  static DURE_DEVICE float Score(const Args& a, uint32_t head, uint32_t key) {
    const T* const q = a.q + head * a.dim;
    const T* const k =
        a.keys + (uint64_t{key} * a.kv_heads + head / (a.heads / a.kv_heads)) * a.dim;
    float sum = 0;
    ForColumns<kPackOf<T>>(0, 1, a.dim, [&](auto width, uint32_t i) {
      float left[width.kWidth], right[width.kWidth];
      Load<width.kWidth>(q + i, left);
      Load<width.kWidth>(k + i, right);
      for (uint32_t n = 0; n < width.kWidth; ++n) sum += left[n] * right[n];
    });
    return sum * a.scale;
  }
};

// out [heads, dim] from the splits.
template <typename T>
struct DecodeJoin {
  static constexpr uint32_t kThreads = 128;
  struct Args {
    const float* parts;  // [heads, splits, 2 + dim]
    T* out;
    uint32_t splits;
    uint32_t heads;
    uint32_t dim;
  };
  static Grid GridOf(const Args& a) { return {a.heads}; }
  static uint32_t SharedBytes(const Args&) { return 0; }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    const uint64_t stride = 2 + a.dim;
    const float* const parts = a.parts + block.x * a.splits * stride;
    block.Last([&](uint32_t thread) {
      float most = -INFINITY;
      for (uint32_t i = 0; i < a.splits; ++i) {
        most = parts[i * stride] > most ? parts[i * stride] : most;
      }
      for (uint32_t c = thread; c < a.dim; c += kThreads) {
        float sum = 0;
        float weighted = 0;
        for (uint32_t i = 0; i < a.splits; ++i) {
          const float factor = Exponential(parts[i * stride] - most);
          sum += parts[i * stride + 1] * factor;
          weighted += parts[i * stride + 2 + c] * factor;
        }
        a.out[block.x * a.dim + c] = FromFloat<T>(weighted / sum);
      }
    });
  }
};

}  // namespace dure::model::cuda
