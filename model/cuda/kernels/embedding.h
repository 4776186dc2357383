// Rows of the embedding by token, and the sum of gradients back into it.
#pragma once

#include "model/cuda/kernels/number.h"

namespace dure::model::cuda {

// out [rows, dim]: a table row a token.
template <typename T>
struct Embed {
  static constexpr uint32_t kThreads = 128;
  struct Args {
    const uint32_t* tokens;  // [rows], each a row of the table
    const T* table;
    T* out;
    uint32_t rows;
    uint32_t dim;
  };
  static Grid GridOf(const Args& a) { return {a.rows}; }
  static uint32_t SharedBytes(const Args&) { return 0; }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    const T* const from = a.table + uint64_t{a.tokens[block.x]} * a.dim;
    T* const to = a.out + uint64_t{block.x} * a.dim;
    block.Last([&](uint32_t thread) {
      ForColumns<kPackOf<T>>(thread, kThreads, a.dim, [&](auto width, uint32_t i) {
        float values[width.kWidth];
        Load<width.kWidth>(from + i, values);
        Store<width.kWidth>(values, to + i);
      });
    });
  }
};

// dtable[tokens[u]] += the sum of dout over the rows in which that token stands, in their order:
// whoever calls has sorted the rows by token (embedding_order.h), so no two blocks write one row.
template <typename T>
struct EmbedBackward {
  static constexpr uint32_t kThreads = 128;
  static constexpr uint32_t kColumns = 128 * kPackOf<T>;  // of one block
  struct Args {
    const uint32_t* tokens;  // [count], distinct
    const uint32_t* starts;  // [count + 1] into rows
    const uint32_t* rows;    // rows of dout, grouped by token
    const T* dout;           // [rows, dim]
    float* dtable;
    uint32_t count;
    uint32_t dim;
  };
  static Grid GridOf(const Args& a) { return {a.count, CeilDiv(a.dim, kColumns)}; }
  static uint32_t SharedBytes(const Args&) { return 0; }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    const uint32_t begin = a.starts[block.x];
    const uint32_t end = a.starts[block.x + 1];
    const uint32_t first = block.y * kColumns;
    const uint32_t count = a.dim - first < kColumns ? a.dim - first : kColumns;
    float* const to = a.dtable + uint64_t{a.tokens[block.x]} * a.dim + first;
    block.Last([&](uint32_t thread) {
      const auto add = [&](auto width, uint32_t i) {
        float sum[width.kWidth] = {};
        for (uint32_t at = begin; at < end; ++at) {
          float values[width.kWidth];
          Load<width.kWidth>(a.dout + uint64_t{a.rows[at]} * a.dim + first + i, values);
          for (uint32_t k = 0; k < width.kWidth; ++k) sum[k] += values[k];
        }
        for (uint32_t k = 0; k < width.kWidth; ++k) to[i + k] += sum[k];
      };
      // By the whole row: what it begins at decides whether packs are aligned.
      if (a.dim % kPackOf<T> == 0) {
        for (uint32_t i = thread * kPackOf<T>; i < count; i += kColumns) {
          add(Width<kPackOf<T>>(), i);
        }
      } else {
        for (uint32_t i = thread; i < count; i += kThreads) add(Width<1>(), i);
      }
    });
  }
};

}  // namespace dure::model::cuda
