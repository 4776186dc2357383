// What works on one row or one element by itself: rotary embedding, SwiGLU, conversion, sums.
#pragma once

#include "model/cuda/kernels/number.h"

namespace dure::model::cuda {

// Rotates, in place, the first `heads` heads of each row: within a head element i goes with element
// i + half by the angle of the row's position, which is first + row modulo sequence. The backward
// is the opposite turn.
template <typename T>
struct Rope {
  static constexpr uint32_t kThreads = 128;
  struct Args {
    T* data;
    const float* cosine;  // [positions, half]
    const float* sine;
    uint32_t rows;
    uint32_t stride;  // of rows, in elements
    uint32_t heads;
    uint32_t half;  // of a head
    uint32_t sequence;
    uint32_t first;
    float turn;  // 1, or -1 for the backward
  };
  static Grid GridOf(const Args& a) { return {a.rows}; }
  static uint32_t SharedBytes(const Args&) { return 0; }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    const uint32_t position = a.first + block.x % a.sequence;
    T* const row = a.data + uint64_t{block.x} * a.stride;
    block.Last([&](uint32_t thread) {
      for (uint32_t at = thread; at < a.heads * a.half; at += kThreads) {
        const uint32_t i = at % a.half;
        T* const low = row + at / a.half * 2 * a.half + i;
        T* const high = low + a.half;
        const float cosine = a.cosine[position * a.half + i];
        const float sine = a.sine[position * a.half + i] * a.turn;
        const float x = ToFloat(*low);
        const float y = ToFloat(*high);
        *low = FromFloat<T>(x * cosine - y * sine);
        *high = FromFloat<T>(y * cosine + x * sine);
      }
    });
  }
};

// y = silu(gate) ∘ up; a row of gate_up is gate, then up.
template <typename T>
struct SwiGlu {
  static constexpr uint32_t kThreads = 256;
  struct Args {
    const T* gate_up;  // [rows, 2 width]
    T* y;              // [rows, width]
    uint32_t rows;
    uint32_t width;
  };
  static Grid GridOf(const Args& a) { return {a.rows}; }
  static uint32_t SharedBytes(const Args&) { return 0; }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    const T* const from = a.gate_up + uint64_t{block.x} * 2 * a.width;
    T* const to = a.y + uint64_t{block.x} * a.width;
    block.Last([&](uint32_t thread) {
      ForColumns<kPackOf<T>>(thread, kThreads, a.width, [&](auto width, uint32_t i) {
        float gate[width.kWidth], up[width.kWidth];
        Load<width.kWidth>(from + i, gate);
        Load<width.kWidth>(from + a.width + i, up);
        for (uint32_t k = 0; k < width.kWidth; ++k) {
          up[k] *= gate[k] / (1.0F + Exponential(-gate[k]));
        }
        Store<width.kWidth>(up, to + i);
      });
    });
  }
};

// y again, and the gradient of gate_up from that of y.
template <typename T>
struct SwiGluBackward {
  static constexpr uint32_t kThreads = 256;
  struct Args {
    const T* gate_up;  // [rows, 2 width]
    const T* dy;       // [rows, width]
    T* y;              // [rows, width], not dy
    T* dgate_up;       // [rows, 2 width], may be gate_up
    uint32_t rows;
    uint32_t width;
  };
  static Grid GridOf(const Args& a) { return {a.rows}; }
  static uint32_t SharedBytes(const Args&) { return 0; }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    const uint64_t wide = uint64_t{block.x} * 2 * a.width;
    const uint64_t narrow = uint64_t{block.x} * a.width;
    block.Last([&](uint32_t thread) {
      ForColumns<kPackOf<T>>(thread, kThreads, a.width, [&](auto width, uint32_t i) {
        float gate[width.kWidth], up[width.kWidth], dy[width.kWidth], y[width.kWidth];
        Load<width.kWidth>(a.gate_up + wide + i, gate);
        Load<width.kWidth>(a.gate_up + wide + a.width + i, up);
        Load<width.kWidth>(a.dy + narrow + i, dy);
        for (uint32_t k = 0; k < width.kWidth; ++k) {
          const float sigmoid = 1.0F / (1.0F + Exponential(-gate[k]));
          const float silu = gate[k] * sigmoid;
          y[k] = silu * up[k];
          gate[k] = dy[k] * up[k] * (sigmoid + silu * (1.0F - sigmoid));
          up[k] = dy[k] * silu;
        }
        Store<width.kWidth>(y, a.y + narrow + i);
        Store<width.kWidth>(gate, a.dgate_up + wide + i);
        Store<width.kWidth>(up, a.dgate_up + wide + a.width + i);
      });
    });
  }
};

// out = in, as T.
template <typename T>
struct Convert : Elementwise<8> {
  struct Args {
    const float* in;
    T* out;
    uint64_t count;
  };

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    ForElements(block, a.count, [&](uint64_t i) { a.out[i] = FromFloat<T>(a.in[i]); });
  }
};

// Columns [first, first + count) of each row, put together without gaps.
template <typename T>
struct CopyColumns {
  static constexpr uint32_t kThreads = 128;
  struct Args {
    const T* in;
    T* out;  // [rows, count]
    uint32_t rows;
    uint32_t stride;  // of in's rows, in elements
    uint32_t first;
    uint32_t count;
  };
  static Grid GridOf(const Args& a) { return {a.rows}; }
  static uint32_t SharedBytes(const Args&) { return 0; }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    const T* const from = a.in + uint64_t{block.x} * a.stride + a.first;
    T* const to = a.out + uint64_t{block.x} * a.count;
    block.Last([&](uint32_t thread) {
      for (uint32_t i = thread; i < a.count; i += kThreads) to[i] = from[i];
    });
  }
};

// out += in.
struct AddTo : Elementwise<8> {
  struct Args {
    const float* in;
    float* out;
    uint64_t count;
  };

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    ForElements(block, a.count, [&](uint64_t i) { a.out[i] += a.in[i]; });
  }
};

// parts[b] is block b's part of the sum of in, or of its squares, in double: the caller adds the
// parts in order.
struct Sums {
  static constexpr uint32_t kThreads = 256;
  static constexpr uint32_t kBlocks = 256;
  struct Args {
    const float* in;
    double* parts;  // [kBlocks]
    uint64_t count;
    bool squares;
  };
  static Grid GridOf(const Args&) { return {kBlocks}; }
  static uint32_t SharedBytes(const Args&) { return 0; }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    typename Block::template Registers<double> own;
    block.Phase([&](uint32_t thread) {
      double sum = 0;
      for (uint64_t i = uint64_t{block.x} * kThreads + thread; i < a.count;
           i += uint64_t{kBlocks} * kThreads) {
        const double x = static_cast<double>(a.in[i]);
        sum += a.squares ? x * x : x;
      }
      own[thread] = sum;
    });
    const double sum = block.BlockSum(own);
    block.Last([&](uint32_t thread) {
      if (thread == 0) a.parts[block.x] = sum;
    });
  }
};

}  // namespace dure::model::cuda
