// The backward of attention.h, without atomics, so that it gives the same bits every time: one
// kernel walks the keys of a tile of queries and makes dq, the other the queries of a tile of keys,
// over all query heads of its group, and makes dk and dv. Both make the probabilities again from
// the kept log-sum. REQUIRES: queries == keys.
#pragma once

#include "model/cuda/kernels/attention_tile.h"

namespace dure::model::cuda {

// delta[row, head] = dout · out of that row and head.
template <typename T>
struct AttentionDelta {
  static constexpr uint32_t kThreads = 128;
  struct Args {
    const T* out;  // [rows, heads dim]
    const T* dout;
    float* delta;  // [rows, heads]
    uint32_t rows;
    uint32_t heads;
    uint32_t dim;
  };
  static Grid GridOf(const Args& a) { return {a.rows, CeilDiv(a.heads, kThreads / 32)}; }
  static uint32_t SharedBytes(const Args&) { return 0; }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    typename Block::template Registers<float> sum;
    block.Phase([&](uint32_t thread) {
      const uint32_t head = block.y * (kThreads / 32) + thread / 32;
      const uint64_t at = (uint64_t{block.x} * a.heads + head) * a.dim;
      float own = 0;
      if (head < a.heads) {
        for (uint32_t i = thread % 32; i < a.dim; i += 32) {
          own += ToFloat(a.out[at + i]) * ToFloat(a.dout[at + i]);
        }
      }
      sum[thread] = own;
    });
    block.template GroupSum<32>(sum);
    block.Last([&](uint32_t thread) {
      const uint32_t head = block.y * (kThreads / 32) + thread / 32;
      if (thread % 32 == 0 && head < a.heads) {
        a.delta[uint64_t{block.x} * a.heads + head] = sum[thread];
      }
    });
  }
};

template <typename T>
struct AttentionGradientArgs {
  AttentionShape shape;
  const T* q;
  const T* k;
  const T* v;
  const T* dout;         // [batch queries, heads dim]
  const float* log_sum;  // [batch queries, heads]
  const float* delta;    // [batch queries, heads]
  T* dq;                 // strides as q, k and v
  T* dk;
  T* dv;
};

// The probability of one pair and the gradient of its score before the scale, times the scale.
struct PairGradient {
  float probability;
  float score;
};
template <typename T>
DURE_DEVICE PairGradient Differentiate(const AttentionGradientArgs<T>& a, uint64_t index,
                                       float score, float dp) {
  const float p = Exponential(score * a.shape.scale - a.log_sum[index]);
  return {p, p * (dp - a.delta[index]) * a.shape.scale};
}

// dq, one block a tile of queries of a head.
template <typename T, uint32_t kDim>
struct AttentionBackwardQueries {
  using Args = AttentionGradientArgs<T>;
  static constexpr uint32_t kThreads = kAttentionThreads;
  static constexpr uint32_t kKeys = 32;
  using Scores = WarpTile<kKeys>;
  using Sums = WarpTile<kDim>;
  static Grid GridOf(const Args& a) {
    return {CeilDiv(a.shape.queries, kOwnRows), a.shape.batch * a.shape.heads};
  }
  static uint32_t SharedBytes(const Args&) {
    return 2 * (kOwnRows + kKeys) * kTileStride<kDim> * sizeof(T);
  }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    const AttentionShape& s = a.shape;
    const uint32_t batch = block.y / s.heads;
    const uint32_t head = block.y % s.heads;
    const uint32_t kv_head = head / (s.heads / s.kv_heads);
    const uint32_t first = (CeilDiv(s.queries, kOwnRows) - 1 - block.x) * kOwnRows;
    constexpr uint32_t kStride = kTileStride<kDim>;
    T* const q = block.template Shared<T>();
    T* const dout = q + kOwnRows * kStride;
    T* const k = dout + kOwnRows * kStride;
    T* const v = k + kKeys * kStride;
    typename Block::template Registers<Scores> scores;
    typename Block::template Registers<Scores> dp;
    typename Block::template Registers<Sums> sums;
    block.Phase([&](uint32_t thread) {
      FillTile<kDim>(thread, QueriesOf(s, a.q, batch, head), first, kOwnRows, q);
      FillTile<kDim>(thread, OutputsOf(s, a.dout, batch, head), first, kOwnRows, dout);
      DURE_UNROLL
      for (uint32_t e = 0; e < Sums::kEach; ++e) sums[thread].values[e] = 0;
    });
    const uint32_t end = first + kOwnRows < s.queries ? first + kOwnRows : s.queries;
    for (uint32_t key = 0; key < end; key += kKeys) {
      block.Refill([&](uint32_t thread) {
        FillTile<kDim>(thread, KeysOf(s, a.k, batch, kv_head), key, kKeys, k);
        FillTile<kDim>(thread, KeysOf(s, a.v, batch, kv_head), key, kKeys, v);
      });
      block.template WarpScores<kKeys, kDim>(scores, q, kStride, k, kStride);
      block.template WarpScores<kKeys, kDim>(dp, dout, kStride, v, kStride);
      block.Own([&](uint32_t thread) {
        DURE_UNROLL
        for (uint32_t e = 0; e < Scores::kEach; ++e) {
          const uint32_t query = first + thread / 32 * 16 + Scores::RowOf(thread % 32, e);
          const uint32_t at = key + Scores::ColumnOf(thread % 32, e);
          const uint64_t index = (uint64_t{batch} * s.queries + query) * s.heads + head;
          float& score = scores[thread].values[e];
          score = query < s.queries && at <= query
                      ? Differentiate(a, index, score, dp[thread].values[e]).score
                      : 0.0F;
        }
      });
      block.template WarpMix<kKeys, kDim>(sums, scores, k, kStride);
    }
    block.Last([&](uint32_t thread) {
      WriteRows<kDim>(thread, sums[thread], first, QueriesOf(s, a.dq, batch, head),
                      [](uint32_t) { return 1.0F; });
    });
  }
};

// dk and dv, one block a tile of keys of a key head: scores are made transposed, keys by queries.
template <typename T, uint32_t kDim>
struct AttentionBackwardKeys {
  using Args = AttentionGradientArgs<T>;
  static constexpr uint32_t kThreads = kAttentionThreads;
  static constexpr uint32_t kQueries = 32;
  using Scores = WarpTile<kQueries>;
  using Sums = WarpTile<kDim>;
  static Grid GridOf(const Args& a) {
    return {CeilDiv(a.shape.keys, kOwnRows), a.shape.batch * a.shape.kv_heads};
  }
  static uint32_t SharedBytes(const Args&) {
    return 2 * (kOwnRows + kQueries) * kTileStride<kDim> * sizeof(T);
  }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    const AttentionShape& s = a.shape;
    const uint32_t batch = block.y / s.kv_heads;
    const uint32_t kv_head = block.y % s.kv_heads;
    const uint32_t group = s.heads / s.kv_heads;
    const uint32_t key = block.x * kOwnRows;
    constexpr uint32_t kStride = kTileStride<kDim>;
    T* const k = block.template Shared<T>();
    T* const v = k + kOwnRows * kStride;
    T* const q = v + kOwnRows * kStride;
    T* const dout = q + kQueries * kStride;
    typename Block::template Registers<Scores> scores;
    typename Block::template Registers<Scores> dp;
    typename Block::template Registers<Sums> dk;
    typename Block::template Registers<Sums> dv;
    block.Phase([&](uint32_t thread) {
      FillTile<kDim>(thread, KeysOf(s, a.k, batch, kv_head), key, kOwnRows, k);
      FillTile<kDim>(thread, KeysOf(s, a.v, batch, kv_head), key, kOwnRows, v);
      DURE_UNROLL
      for (uint32_t e = 0; e < Sums::kEach; ++e) {
        dk[thread].values[e] = 0;
        dv[thread].values[e] = 0;
      }
    });
    for (uint32_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
      for (uint32_t query = key; query < s.queries; query += kQueries) {
        block.Refill([&](uint32_t thread) {
          FillTile<kDim>(thread, QueriesOf(s, a.q, batch, head), query, kQueries, q);
          FillTile<kDim>(thread, OutputsOf(s, a.dout, batch, head), query, kQueries, dout);
        });
        block.template WarpScores<kQueries, kDim>(scores, k, kStride, q, kStride);
        block.template WarpScores<kQueries, kDim>(dp, v, kStride, dout, kStride);
        block.Own([&](uint32_t thread) {
          Transposed(a, {batch, head, query, key}, thread, scores[thread], dp[thread]);
        });
        block.template WarpMix<kQueries, kDim>(dv, scores, dout, kStride);
        block.template WarpMix<kQueries, kDim>(dk, dp, q, kStride);
      }
    }
    block.Last([&](uint32_t thread) {
      const auto one = [](uint32_t) { return 1.0F; };
      WriteRows<kDim>(thread, dk[thread], key, KeysOf(s, a.dk, batch, kv_head), one);
      WriteRows<kDim>(thread, dv[thread], key, KeysOf(s, a.dv, batch, kv_head), one);
    });
  }

 private:
  struct At {
    uint32_t batch;
    uint32_t head;
    uint32_t query;  // of column 0
    uint32_t key;    // of row 0
  };

  // Scores become probabilities, and the gradients of these those of the scores.
  static DURE_DEVICE void Transposed(const Args& a, const At& at, uint32_t thread, Scores& scores,
                                     Scores& dp) {
    DURE_UNROLL
    for (uint32_t e = 0; e < Scores::kEach; ++e) {
      const uint32_t key = at.key + thread / 32 * 16 + Scores::RowOf(thread % 32, e);
      const uint32_t query = at.query + Scores::ColumnOf(thread % 32, e);
      PairGradient pair{0, 0};
      if (query < a.shape.queries && key <= query) {
        const uint64_t index =
            (uint64_t{at.batch} * a.shape.queries + query) * a.shape.heads + at.head;
        pair = Differentiate(a, index, scores.values[e], dp.values[e]);
      }
      scores.values[e] = pair.probability;
      dp.values[e] = pair.score;
    }
  }
};

}  // namespace dure::model::cuda
