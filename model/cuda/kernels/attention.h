// Causal softmax attention with grouped queries, tile by tile with a running softmax (Dao 2023), so
// that scores never leave the chip. Forward; the backward is in attention_backward.h.
#pragma once

#include "model/cuda/kernels/attention_tile.h"

namespace dure::model::cuda {

// out [batch queries, heads dim], without gaps; log_sum [batch queries, heads]: the log of the sum
// of the scores' exponentials. One block a tile of queries of a head.
template <typename T>
struct Attention {
  static constexpr uint32_t kThreads = TileOf<T>::kThreads;
  static constexpr uint32_t kQueries = TileOf<T>::kQueries;
  static constexpr uint32_t kKeys = TileOf<T>::kKeys;
  static constexpr uint32_t kGroup = kThreads / kQueries;  // threads of a row of scores
  struct Args {
    AttentionShape shape;
    const T* q;
    const T* k;
    const T* v;
    T* out;
    float* log_sum;
  };
  static Grid GridOf(const Args& a) {
    return {CeilDiv(a.shape.queries, kQueries), a.shape.batch * a.shape.heads};
  }
  static uint32_t SharedBytes(const Args& a) { return Places(a.shape.dim).bytes; }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    const Tiles tiles(block, a, block.y);
    // The longest tiles begin first.
    const uint32_t first = (CeilDiv(a.shape.queries, kQueries) - 1 - block.x) * kQueries;
    typename Block::template Registers<float> most;  // of the row so far
    typename Block::template Registers<float> sum;   // this thread's columns
    typename Block::template Registers<float> top;
    block.Phase([&](uint32_t thread) {
      FillTile(thread, kThreads, tiles.q_source, first, kQueries, tiles.q);
      for (uint32_t at = thread; at < kQueries * tiles.width; at += kThreads) {
        tiles.out.At(at / tiles.width, at % tiles.width) = 0;
      }
      most[thread] = -INFINITY;
      sum[thread] = 0;
    });
    const uint32_t last = first + kQueries < a.shape.queries ? first + kQueries : a.shape.queries;
    const uint32_t seen = a.shape.keys - a.shape.queries + last;
    for (uint32_t key = 0; key < seen; key += kKeys) {
      block.Phase([&](uint32_t thread) {
        FillTile(thread, kThreads, tiles.k_source, key, kKeys, tiles.k);
        FillTile(thread, kThreads, tiles.v_source, key, kKeys, tiles.v);
      });
      block.template Product<false, true>(kQueries, kKeys, tiles.width, tiles.q.data,
                                          tiles.q.stride, tiles.k.data, tiles.k.stride,
                                          tiles.scores.data, tiles.scores.stride, false);
      block.Phase([&](uint32_t thread) { top[thread] = RowMax(a, tiles, first, key, thread); });
      block.template GroupMax<kGroup>(top);
      block.Phase([&](uint32_t thread) {
        const float now = most[thread] > top[thread] ? most[thread] : top[thread];
        const float factor = Exponential(most[thread] - now);
        most[thread] = now;
        sum[thread] = sum[thread] * factor + Probabilities(a, tiles, {first, key, now}, thread);
        for (uint32_t c = thread % kGroup; c < tiles.width; c += kGroup) {
          tiles.out.At(thread / kGroup, c) *= factor;
        }
      });
      block.template Product<false, false>(kQueries, tiles.width, kKeys, tiles.p.data,
                                           tiles.p.stride, tiles.v.data, tiles.v.stride,
                                           tiles.out.data, tiles.out.stride, true);
    }
    block.template GroupSum<kGroup>(sum);
    block.Last([&](uint32_t thread) { Write(a, tiles, first, most[thread], sum[thread], thread); });
  }

 private:
  // Where the tiles lie in shared memory.
  struct Places {
    DURE_HOST_DEVICE explicit Places(uint32_t dim) {
      const uint32_t width = Padded(dim);
      Carver carver;
      q = carver.Take<T>(kQueries, StrideOf(width));
      k = carver.Take<T>(kKeys, StrideOf(width));
      v = carver.Take<T>(kKeys, StrideOf(width));
      p = carver.Take<T>(kQueries, StrideOf(kKeys));
      scores = carver.Take<float>(kQueries, SumStrideOf(kKeys));
      out = carver.Take<float>(kQueries, SumStrideOf(width));
      bytes = carver.bytes();
    }
    uint32_t q, k, v, p, scores, out, bytes;
  };

  struct Tiles {
    template <typename Block>
    DURE_DEVICE Tiles(Block& block, const Args& a, uint32_t batch_head)
        : width(Padded(a.shape.dim)) {
      const AttentionShape& s = a.shape;
      const Places places(s.dim);
      q = {block.template Shared<T>(places.q), StrideOf(width)};
      k = {block.template Shared<T>(places.k), StrideOf(width)};
      v = {block.template Shared<T>(places.v), StrideOf(width)};
      p = {block.template Shared<T>(places.p), StrideOf(kKeys)};
      scores = {block.template Shared<float>(places.scores), SumStrideOf(kKeys)};
      out = {block.template Shared<float>(places.out), SumStrideOf(width)};
      batch = batch_head / s.heads;
      head = batch_head % s.heads;
      const uint64_t q_row = uint64_t{batch} * s.queries;
      const uint64_t kv_at =
          uint64_t{batch} * s.keys * s.kv_stride + head / (s.heads / s.kv_heads) * s.dim;
      q_source = {a.q + q_row * s.q_stride + head * s.dim, s.q_stride, s.queries, s.dim};
      k_source = {a.k + kv_at, s.kv_stride, s.keys, s.dim};
      v_source = {a.v + kv_at, s.kv_stride, s.keys, s.dim};
    }
    uint32_t width;
    uint32_t batch;
    uint32_t head;
    Tile<T> q, k, v, p;
    Tile<float> scores, out;
    TileSource<T> q_source, k_source, v_source;
  };

  struct At {
    uint32_t first;  // query of the tile's row 0
    uint32_t key;    // of the tile's column 0
    float most;
  };

  static DURE_DEVICE bool Sees(const AttentionShape& s, uint32_t query, uint32_t key) {
    return key < s.keys && key <= s.keys - s.queries + query;
  }

  static DURE_DEVICE float RowMax(const Args& a, const Tiles& tiles, uint32_t first, uint32_t key,
                                  uint32_t thread) {
    const uint32_t row = thread / kGroup;
    float top = -INFINITY;
    for (uint32_t c = thread % kGroup; c < kKeys; c += kGroup) {
      const float score = tiles.scores.At(row, c) * a.shape.scale;
      if (Sees(a.shape, first + row, key + c) && score > top) top = score;
    }
    return top;
  }

  // exp(score - most) of this thread's columns, and their sum.
  static DURE_DEVICE float Probabilities(const Args& a, const Tiles& tiles, const At& at,
                                         uint32_t thread) {
    const uint32_t row = thread / kGroup;
    float sum = 0;
    for (uint32_t c = thread % kGroup; c < kKeys; c += kGroup) {
      float p = 0;
      if (Sees(a.shape, at.first + row, at.key + c)) {
        p = Exponential(tiles.scores.At(row, c) * a.shape.scale - at.most);
      }
      tiles.p.At(row, c) = FromFloat<T>(p);
      sum += p;
    }
    return sum;
  }

  static DURE_DEVICE void Write(const Args& a, const Tiles& tiles, uint32_t first, float most,
                                float sum, uint32_t thread) {
    const AttentionShape& s = a.shape;
    const uint32_t query = first + thread / kGroup;
    if (query >= s.queries) return;
    const uint64_t row = uint64_t{tiles.batch} * s.queries + query;
    T* const to = a.out + (row * s.heads + tiles.head) * s.dim;
    for (uint32_t c = thread % kGroup; c < s.dim; c += kGroup) {
      to[c] = FromFloat<T>(tiles.out.At(thread / kGroup, c) / sum);
    }
    if (thread % kGroup == 0) a.log_sum[row * s.heads + tiles.head] = most + logf(sum);
  }
};

}  // namespace dure::model::cuda
