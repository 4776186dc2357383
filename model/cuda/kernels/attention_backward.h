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

// Tiles of queries against tiles of keys, and what both kernels do with them.
template <typename T>
struct GradientTiles {
  static constexpr uint32_t kThreads = TileOf<T>::kThreads;
  static constexpr uint32_t kQueries = TileOf<T>::kBackwardQueries;
  static constexpr uint32_t kKeys = TileOf<T>::kKeys;
  using Args = AttentionGradientArgs<T>;

  // kSums tiles of fp32 sums, of `sum_rows` rows.
  struct Places {
    DURE_HOST_DEVICE Places(uint32_t dim, uint32_t sum_rows, uint32_t sum_count) {
      const uint32_t width = Padded(dim);
      Carver carver;
      q = carver.Take<T>(kQueries, StrideOf(width));
      dout = carver.Take<T>(kQueries, StrideOf(width));
      k = carver.Take<T>(kKeys, StrideOf(width));
      v = carver.Take<T>(kKeys, StrideOf(width));
      p = carver.Take<T>(kQueries, StrideOf(kKeys));
      ds = carver.Take<T>(kQueries, StrideOf(kKeys));
      scores = carver.Take<float>(kQueries, SumStrideOf(kKeys));
      dp = carver.Take<float>(kQueries, SumStrideOf(kKeys));
      sums[0] = carver.Take<float>(sum_rows, SumStrideOf(width));
      sums[1] = sum_count > 1 ? carver.Take<float>(sum_rows, SumStrideOf(width)) : sums[0];
      bytes = carver.bytes();
    }
    uint32_t q, dout, k, v, p, ds, scores, dp, sums[2], bytes;
  };

  template <typename Block>
  DURE_DEVICE GradientTiles(Block& block, const AttentionShape& s, const Places& places)
      : width(Padded(s.dim)) {
    q = {block.template Shared<T>(places.q), StrideOf(width)};
    dout = {block.template Shared<T>(places.dout), StrideOf(width)};
    k = {block.template Shared<T>(places.k), StrideOf(width)};
    v = {block.template Shared<T>(places.v), StrideOf(width)};
    p = {block.template Shared<T>(places.p), StrideOf(kKeys)};
    ds = {block.template Shared<T>(places.ds), StrideOf(kKeys)};
    scores = {block.template Shared<float>(places.scores), SumStrideOf(kKeys)};
    dp = {block.template Shared<float>(places.dp), SumStrideOf(kKeys)};
    sums[0] = {block.template Shared<float>(places.sums[0]), SumStrideOf(width)};
    sums[1] = {block.template Shared<float>(places.sums[1]), SumStrideOf(width)};
  }

  static DURE_DEVICE TileSource<T> QueriesOf(const Args& a, const T* data, uint32_t batch,
                                             uint32_t head) {
    const AttentionShape& s = a.shape;
    return {data + uint64_t{batch} * s.queries * s.q_stride + head * s.dim, s.q_stride, s.queries,
            s.dim};
  }
  static DURE_DEVICE TileSource<T> DoutOf(const Args& a, uint32_t batch, uint32_t head) {
    const AttentionShape& s = a.shape;
    return {a.dout + (uint64_t{batch} * s.queries * s.heads + head) * s.dim, s.heads * s.dim,
            s.queries, s.dim};
  }
  static DURE_DEVICE TileSource<T> KeysOf(const Args& a, const T* data, uint32_t batch,
                                          uint32_t kv_head) {
    const AttentionShape& s = a.shape;
    return {data + uint64_t{batch} * s.keys * s.kv_stride + kv_head * s.dim, s.kv_stride, s.keys,
            s.dim};
  }

  // Scores and the gradient of the probabilities of what stands in the tiles, then both as T: the
  // probabilities p and the gradient ds of the scores before their scale, times that scale.
  template <typename Block>
  DURE_DEVICE void Differentiate(Block& block, const Args& a, uint32_t batch, uint32_t head,
                                 uint32_t query, uint32_t key) const {
    block.template Product<false, true>(kQueries, kKeys, width, q.data, q.stride, k.data, k.stride,
                                        scores.data, scores.stride, false);
    block.template Product<false, true>(kQueries, kKeys, width, dout.data, dout.stride, v.data,
                                        v.stride, dp.data, dp.stride, false);
    block.Phase([&](uint32_t thread) {
      for (uint32_t at = thread; at < kQueries * kKeys; at += kThreads) {
        const uint32_t row = at / kKeys;
        const uint32_t column = at % kKeys;
        float probability = 0;
        float gradient = 0;
        if (query + row < a.shape.queries && key + column <= query + row) {
          const uint64_t index =
              (uint64_t{batch} * a.shape.queries + query + row) * a.shape.heads + head;
          probability = Exponential(scores.At(row, column) * a.shape.scale - a.log_sum[index]);
          gradient = probability * (dp.At(row, column) - a.delta[index]) * a.shape.scale;
        }
        p.At(row, column) = FromFloat<T>(probability);
        ds.At(row, column) = FromFloat<T>(gradient);
      }
    });
  }

  DURE_DEVICE void ClearSums(uint32_t thread, uint32_t rows, uint32_t count) const {
    for (uint32_t at = thread; at < rows * width; at += kThreads) {
      for (uint32_t i = 0; i < count; ++i) sums[i].At(at / width, at % width) = 0;
    }
  }

  uint32_t width;
  Tile<T> q, dout, k, v, p, ds;
  Tile<float> scores, dp, sums[2];
};

// dq, one block a tile of queries of a head.
template <typename T>
struct AttentionBackwardQueries {
  using Tiles = GradientTiles<T>;
  using Args = AttentionGradientArgs<T>;
  static constexpr uint32_t kThreads = Tiles::kThreads;
  static constexpr uint32_t kQueries = Tiles::kQueries;
  static constexpr uint32_t kKeys = Tiles::kKeys;
  static Grid GridOf(const Args& a) {
    return {CeilDiv(a.shape.queries, kQueries), a.shape.batch * a.shape.heads};
  }
  static DURE_HOST_DEVICE typename Tiles::Places PlacesOf(const Args& a) {
    return {a.shape.dim, kQueries, 1};
  }
  static uint32_t SharedBytes(const Args& a) { return PlacesOf(a).bytes; }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    const AttentionShape& s = a.shape;
    const Tiles tiles(block, s, PlacesOf(a));
    const uint32_t batch = block.y / s.heads;
    const uint32_t head = block.y % s.heads;
    const uint32_t kv_head = head / (s.heads / s.kv_heads);
    const uint32_t first = (CeilDiv(s.queries, kQueries) - 1 - block.x) * kQueries;
    block.Phase([&](uint32_t thread) {
      FillTile(thread, kThreads, Tiles::QueriesOf(a, a.q, batch, head), first, kQueries, tiles.q);
      FillTile(thread, kThreads, Tiles::DoutOf(a, batch, head), first, kQueries, tiles.dout);
      tiles.ClearSums(thread, kQueries, 1);
    });
    const uint32_t end = first + kQueries < s.queries ? first + kQueries : s.queries;
    for (uint32_t key = 0; key < end; key += kKeys) {
      block.Phase([&](uint32_t thread) {
        FillTile(thread, kThreads, Tiles::KeysOf(a, a.k, batch, kv_head), key, kKeys, tiles.k);
        FillTile(thread, kThreads, Tiles::KeysOf(a, a.v, batch, kv_head), key, kKeys, tiles.v);
      });
      tiles.Differentiate(block, a, batch, head, first, key);
      block.template Product<false, false>(kQueries, tiles.width, kKeys, tiles.ds.data,
                                           tiles.ds.stride, tiles.k.data, tiles.k.stride,
                                           tiles.sums[0].data, tiles.sums[0].stride, true);
    }
    block.Last([&](uint32_t thread) {
      T* const to = a.dq + uint64_t{batch} * s.queries * s.q_stride + head * s.dim;
      WriteTile<T>(thread, kThreads, tiles.sums[0], first, kQueries,
                   {to, s.q_stride, s.queries, s.dim});
    });
  }
};

// dk and dv, one block a tile of keys of a key head.
template <typename T>
struct AttentionBackwardKeys {
  using Tiles = GradientTiles<T>;
  using Args = AttentionGradientArgs<T>;
  static constexpr uint32_t kThreads = Tiles::kThreads;
  static constexpr uint32_t kQueries = Tiles::kQueries;
  static constexpr uint32_t kKeys = Tiles::kKeys;
  static Grid GridOf(const Args& a) {
    return {CeilDiv(a.shape.keys, kKeys), a.shape.batch * a.shape.kv_heads};
  }
  static DURE_HOST_DEVICE typename Tiles::Places PlacesOf(const Args& a) {
    return {a.shape.dim, kKeys, 2};
  }
  static uint32_t SharedBytes(const Args& a) { return PlacesOf(a).bytes; }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    const AttentionShape& s = a.shape;
    const Tiles tiles(block, s, PlacesOf(a));
    const uint32_t batch = block.y / s.kv_heads;
    const uint32_t kv_head = block.y % s.kv_heads;
    const uint32_t group = s.heads / s.kv_heads;
    const uint32_t key = block.x * kKeys;
    block.Phase([&](uint32_t thread) {
      FillTile(thread, kThreads, Tiles::KeysOf(a, a.k, batch, kv_head), key, kKeys, tiles.k);
      FillTile(thread, kThreads, Tiles::KeysOf(a, a.v, batch, kv_head), key, kKeys, tiles.v);
      tiles.ClearSums(thread, kKeys, 2);
    });
    for (uint32_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
      for (uint32_t query = key / kQueries * kQueries; query < s.queries; query += kQueries) {
        block.Phase([&](uint32_t thread) {
          FillTile(thread, kThreads, Tiles::QueriesOf(a, a.q, batch, head), query, kQueries,
                   tiles.q);
          FillTile(thread, kThreads, Tiles::DoutOf(a, batch, head), query, kQueries, tiles.dout);
        });
        tiles.Differentiate(block, a, batch, head, query, key);
        block.template Product<true, false>(kKeys, tiles.width, kQueries, tiles.ds.data,
                                            tiles.ds.stride, tiles.q.data, tiles.q.stride,
                                            tiles.sums[0].data, tiles.sums[0].stride, true);
        block.template Product<true, false>(kKeys, tiles.width, kQueries, tiles.p.data,
                                            tiles.p.stride, tiles.dout.data, tiles.dout.stride,
                                            tiles.sums[1].data, tiles.sums[1].stride, true);
      }
    }
    block.Last([&](uint32_t thread) {
      const uint64_t at = uint64_t{batch} * s.keys * s.kv_stride + kv_head * s.dim;
      WriteTile<T>(thread, kThreads, tiles.sums[0], key, kKeys,
                   {a.dk + at, s.kv_stride, s.keys, s.dim});
      WriteTile<T>(thread, kThreads, tiles.sums[1], key, kKeys,
                   {a.dv + at, s.kv_stride, s.keys, s.dim});
    });
  }
};

}  // namespace dure::model::cuda
