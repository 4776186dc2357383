// What the attention kernels share: their shape, tiles in shared memory, and how these are filled.
//
// Four warps to a block. Each holds 16 rows of scores and of sums in registers (WarpTile); only
// what is multiplied stands in shared memory. kDim is the head's width, padded with zeros.
#pragma once

#include "model/cuda/kernels/number.h"

namespace dure::model::cuda {

inline constexpr uint32_t kHeadDimMax = 128;  // what registers hold the sums of
inline constexpr uint32_t kAttentionThreads = 128;
inline constexpr uint32_t kOwnRows = 64;  // of a block: 16 a warp

// Batches of causal attention with grouped queries. Query i of `queries` is position keys - queries
// + i and sees keys up to its own.
struct AttentionShape {
  uint32_t batch;
  uint32_t queries;
  uint32_t keys;
  uint32_t heads;
  uint32_t kv_heads;
  uint32_t dim;        // of a head, at most kDim
  uint32_t q_stride;   // of rows, in elements
  uint32_t kv_stride;  // of rows
  float scale;         // of scores
};

// Rows of shared memory are spread a little so that they meet different banks.
template <uint32_t kDim>
inline constexpr uint32_t kTileStride = kDim + 8;

// Rows [first, …) of a matrix, and how many it has; pointers are at the head.
template <typename T>
struct RowsOf {
  T* data;
  uint32_t stride;
  uint32_t rows;
  uint32_t dim;
};

// `rows` rows from `first` on into a tile: zeros where the matrix has no more, and beyond dim.
template <uint32_t kDim, typename T>
DURE_DEVICE void FillTile(uint32_t thread, const RowsOf<const T>& source, uint32_t first,
                          uint32_t rows, T* tile) {
  const auto fill = [&](auto pack, uint32_t at) {
    const uint32_t row = at / kDim;
    const uint32_t column = at % kDim;
    float values[pack.kWidth] = {};
    if (first + row < source.rows && column < source.dim) {
      Load<pack.kWidth>(source.data + uint64_t{first + row} * source.stride + column, values);
    }
    Store<pack.kWidth>(values, tile + row * kTileStride<kDim> + column);
  };
  constexpr uint32_t kPack = kPackOf<T>;
  if (source.dim % kPack == 0 && source.stride % kPack == 0) {
    for (uint32_t at = thread * kPack; at < rows * kDim; at += kAttentionThreads * kPack) {
      fill(Width<kPack>(), at);
    }
  } else {
    for (uint32_t at = thread; at < rows * kDim; at += kAttentionThreads) fill(Width<1>(), at);
  }
}

// A thread's part of a block's 64 rows, from row `first` of the matrix on, times the row's factor.
template <uint32_t kDim, typename T, typename Factor>
DURE_DEVICE void WriteRows(uint32_t thread, const WarpTile<kDim>& tile, uint32_t first,
                           const RowsOf<T>& target, Factor factor) {
  DURE_UNROLL
  for (uint32_t e = 0; e < WarpTile<kDim>::kEach; ++e) {
    const uint32_t row = first + thread / 32 * 16 + WarpTile<kDim>::RowOf(thread % 32, e);
    const uint32_t column = WarpTile<kDim>::ColumnOf(thread % 32, e);
    if (row >= target.rows || column >= target.dim) continue;
    target.data[uint64_t{row} * target.stride + column] =
        FromFloat<T>(tile.values[e] * factor(e / 2 % 2));
  }
}

// Heads of what the shape describes.
template <typename T>
DURE_DEVICE RowsOf<T> QueriesOf(const AttentionShape& s, T* data, uint32_t batch, uint32_t head) {
  return {data + uint64_t{batch} * s.queries * s.q_stride + head * s.dim, s.q_stride, s.queries,
          s.dim};
}
template <typename T>
DURE_DEVICE RowsOf<T> KeysOf(const AttentionShape& s, T* data, uint32_t batch, uint32_t kv_head) {
  return {data + uint64_t{batch} * s.keys * s.kv_stride + kv_head * s.dim, s.kv_stride, s.keys,
          s.dim};
}
// Of [batch queries, heads dim] without gaps.
template <typename T>
DURE_DEVICE RowsOf<T> OutputsOf(const AttentionShape& s, T* data, uint32_t batch, uint32_t head) {
  return {data + (uint64_t{batch} * s.queries * s.heads + head) * s.dim, s.heads * s.dim, s.queries,
          s.dim};
}

}  // namespace dure::model::cuda
