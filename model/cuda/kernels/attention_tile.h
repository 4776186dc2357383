// What the attention kernels share: their shape, tiles in shared memory, and how these are filled.
#pragma once

#include "model/cuda/kernels/number.h"

namespace dure::model::cuda {

inline constexpr uint32_t kHeadDimMax = 128;  // what two tiles' worth of shared memory holds

// Batches of causal attention with grouped queries. Query i of `queries` is position keys - queries
// + i and sees keys up to its own.
struct AttentionShape {
  uint32_t batch;
  uint32_t queries;
  uint32_t keys;
  uint32_t heads;
  uint32_t kv_heads;
  uint32_t dim;        // of a head, at most kHeadDimMax
  uint32_t q_stride;   // of rows, in elements
  uint32_t kv_stride;  // of rows
  float scale;         // of scores
};

// Rows of a tile and threads that share a row of scores.
template <typename T>
struct TileOf {
  static constexpr uint32_t kThreads = 256;
  static constexpr uint32_t kQueries = sizeof(T) == 2 ? 64 : 32;
  static constexpr uint32_t kBackwardQueries = 32;
  static constexpr uint32_t kKeys = sizeof(T) == 2 ? 64 : 32;
};

// Matrix products want multiples of 16; rows are spread a little so that they meet different banks.
DURE_HOST_DEVICE uint32_t Padded(uint32_t dim) { return (dim + 15) / 16 * 16; }
DURE_HOST_DEVICE uint32_t StrideOf(uint32_t columns) { return columns + 8; }
DURE_HOST_DEVICE uint32_t SumStrideOf(uint32_t columns) { return columns + 4; }

// A tile of numbers as they are stored, or of fp32 sums, in shared memory.
template <typename V>
struct Tile {
  V* data;
  uint32_t stride;
  DURE_DEVICE V& At(uint32_t row, uint32_t column) const { return data[row * stride + column]; }
};

// Hands out shared memory from its beginning; the same sums tell how much there must be.
class Carver {
 public:
  template <typename V>
  DURE_HOST_DEVICE uint32_t Take(uint32_t rows, uint32_t stride) {
    const uint32_t at = next_;
    next_ += rows * stride * static_cast<uint32_t>(sizeof(V));
    return at;
  }
  DURE_HOST_DEVICE uint32_t bytes() const { return next_; }

 private:
  uint32_t next_ = 0;
};

// Rows [first, first + rows) of a matrix into a tile of `rows` by Padded(dim): zeros where the
// matrix has no more rows, and beyond dim.
template <typename T>
struct TileSource {
  const T* data;  // of row 0, at the head
  uint32_t stride;
  uint32_t rows;  // there are
  uint32_t dim;
};
template <typename T>
DURE_DEVICE void FillTile(uint32_t thread, uint32_t threads, const TileSource<T>& source,
                          uint32_t first, uint32_t rows, const Tile<T>& tile) {
  const uint32_t width = Padded(source.dim);
  const auto fill = [&](auto pack, uint32_t row, uint32_t column) {
    float values[pack.kWidth] = {};
    if (first + row < source.rows && column < source.dim) {
      Load<pack.kWidth>(source.data + uint64_t{first + row} * source.stride + column, values);
    }
    Store<pack.kWidth>(values, &tile.At(row, column));
  };
  constexpr uint32_t kPack = kPackOf<T>;
  const bool packs = source.dim % kPack == 0 && source.stride % kPack == 0;
  const uint32_t step = packs ? kPack : 1;
  for (uint32_t at = thread * step; at < rows * width; at += threads * step) {
    if (packs) {
      fill(Width<kPack>(), at / width, at % width);
    } else {
      fill(Width<1>(), at / width, at % width);
    }
  }
}

// The sums of a tile to rows [first, …) of a matrix that has `rows`, times factor.
template <typename T>
struct TileTarget {
  T* data;
  uint32_t stride;
  uint32_t rows;
  uint32_t dim;
};
template <typename T>
DURE_DEVICE void WriteTile(uint32_t thread, uint32_t threads, const Tile<float>& tile,
                           uint32_t first, uint32_t rows, const TileTarget<T>& target) {
  for (uint32_t at = thread; at < rows * target.dim; at += threads) {
    const uint32_t row = at / target.dim;
    const uint32_t column = at % target.dim;
    if (first + row >= target.rows) continue;
    target.data[uint64_t{first + row} * target.stride + column] =
        FromFloat<T>(tile.At(row, column));
  }
}

}  // namespace dure::model::cuda
