// Causal softmax attention with grouped queries, tile by tile with a running softmax (Dao 2023):
// scores never leave registers. Forward; the backward is in attention_backward.h.
#pragma once

#include "model/cuda/kernels/attention_tile.h"

namespace dure::model::cuda {

// out [batch queries, heads dim], without gaps; log_sum [batch queries, heads]: the log of the sum
// of the scores' exponentials. One block a tile of queries of a head.
template <typename T, uint32_t kDim>
struct Attention {
  static constexpr uint32_t kThreads = kAttentionThreads;
  static constexpr uint32_t kKeys = sizeof(T) == 2 ? 64 : 32;
  using Scores = WarpTile<kKeys>;
  using Sums = WarpTile<kDim>;
  struct Args {
    AttentionShape shape;
    const T* q;
    const T* k;
    const T* v;
    T* out;
    float* log_sum;
  };
  static Grid GridOf(const Args& a) {
    return {CeilDiv(a.shape.queries, kOwnRows), a.shape.batch * a.shape.heads};
  }
  static uint32_t SharedBytes(const Args&) {
    return (kOwnRows + 2 * kKeys) * kTileStride<kDim> * sizeof(T);
  }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    const AttentionShape& s = a.shape;
    const uint32_t batch = block.y / s.heads;
    const uint32_t head = block.y % s.heads;
    const uint32_t kv_head = head / (s.heads / s.kv_heads);
    // The longest tiles begin first.
    const uint32_t first = (CeilDiv(s.queries, kOwnRows) - 1 - block.x) * kOwnRows;
    T* const q = block.template Shared<T>();
    T* const k = q + kOwnRows * kTileStride<kDim>;
    T* const v = k + kKeys * kTileStride<kDim>;
    typename Block::template Registers<Scores> scores;
    typename Block::template Registers<Sums> sums;
    // Of the thread's two rows.
    typename Block::template Registers<float> most[2];
    typename Block::template Registers<float> sum[2];
    typename Block::template Registers<float> top[2];
    block.Phase([&](uint32_t thread) {
      FillTile<kDim>(thread, QueriesOf(s, a.q, batch, head), first, kOwnRows, q);
      DURE_UNROLL
      for (uint32_t e = 0; e < Sums::kEach; ++e) sums[thread].values[e] = 0;
      DURE_UNROLL
      for (uint32_t half = 0; half < 2; ++half) {
        most[half][thread] = -INFINITY;
        sum[half][thread] = 0;
      }
    });
    const uint32_t last = first + kOwnRows < s.queries ? first + kOwnRows : s.queries;
    const uint32_t seen = s.keys - s.queries + last;
    for (uint32_t key = 0; key < seen; key += kKeys) {
      block.Refill([&](uint32_t thread) {
        FillTile<kDim>(thread, KeysOf(s, a.k, batch, kv_head), key, kKeys, k);
        FillTile<kDim>(thread, KeysOf(s, a.v, batch, kv_head), key, kKeys, v);
      });
      block.template WarpScores<kKeys, kDim>(scores, q, kTileStride<kDim>, k, kTileStride<kDim>);
      block.Own([&](uint32_t thread) {
        Mask(s, first, key, thread, scores[thread]);
        DURE_UNROLL
        for (uint32_t half = 0; half < 2; ++half) top[half][thread] = Top(scores[thread], half);
      });
      block.template GroupMax<4>(top[0]);
      block.template GroupMax<4>(top[1]);
      block.Own([&](uint32_t thread) {
        DURE_UNROLL
        for (uint32_t half = 0; half < 2; ++half) {
          const float now =
              most[half][thread] > top[half][thread] ? most[half][thread] : top[half][thread];
          const float factor = Exponential(most[half][thread] - now);
          most[half][thread] = now;
          sum[half][thread] = sum[half][thread] * factor + Exponentiate(scores[thread], half, now);
          Rescale(sums[thread], half, factor);
        }
      });
      block.template WarpMix<kKeys, kDim>(sums, scores, v, kTileStride<kDim>);
    }
    block.template GroupSum<4>(sum[0]);
    block.template GroupSum<4>(sum[1]);
    block.Last([&](uint32_t thread) {
      const float inverse[2] = {1.0F / sum[0][thread], 1.0F / sum[1][thread]};
      WriteRows<kDim>(thread, sums[thread], first, OutputsOf(s, a.out, batch, head),
                      [&](uint32_t half) { return inverse[half]; });
      DURE_UNROLL
      for (uint32_t half = 0; half < 2; ++half) {
        const uint32_t row = first + thread / 32 * 16 + thread % 32 / 4 + half * 8;
        if (thread % 4 != 0 || row >= s.queries) continue;
        a.log_sum[(uint64_t{batch} * s.queries + row) * s.heads + head] =
            most[half][thread] + logf(sum[half][thread]);
      }
    });
  }

 private:
  // Scales scores; those of keys that a query does not see become -inf. A row of the padding sees
  // key 0, as every row does.
  static DURE_DEVICE void Mask(const AttentionShape& s, uint32_t first, uint32_t key,
                               uint32_t thread, Scores& scores) {
    DURE_UNROLL
    for (uint32_t e = 0; e < Scores::kEach; ++e) {
      const uint32_t query = first + thread / 32 * 16 + Scores::RowOf(thread % 32, e);
      const uint32_t at = key + Scores::ColumnOf(thread % 32, e);
      const bool sees = at < s.keys && at <= s.keys - s.queries + query;
      scores.values[e] = sees ? scores.values[e] * s.scale : -INFINITY;
    }
  }

  static DURE_DEVICE float Top(const Scores& scores, uint32_t half) {
    float top = -INFINITY;
    DURE_UNROLL
    for (uint32_t e = 0; e < Scores::kEach; ++e) {
      if (e / 2 % 2 == half && scores.values[e] > top) top = scores.values[e];
    }
    return top;
  }

  static DURE_DEVICE float Exponentiate(Scores& scores, uint32_t half, float most) {
    float sum = 0;
    DURE_UNROLL
    for (uint32_t e = 0; e < Scores::kEach; ++e) {
      if (e / 2 % 2 != half) continue;
      scores.values[e] = Exponential(scores.values[e] - most);
      sum += scores.values[e];
    }
    return sum;
  }

  static DURE_DEVICE void Rescale(Sums& sums, uint32_t half, float factor) {
    DURE_UNROLL
    for (uint32_t e = 0; e < Sums::kEach; ++e) {
      if (e / 2 % 2 == half) sums.values[e] *= factor;
    }
  }
};

}  // namespace dure::model::cuda
