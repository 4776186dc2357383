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
  static constexpr uint32_t kRows = 4;    // of a block
  static constexpr uint32_t kAtOnce = 3;  // packs that a thread reads before it writes
  static Grid GridOf(const Args& a) { return {CeilDiv(a.rows, kRows)}; }
  static uint32_t SharedBytes(const Args&) { return 0; }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    const uint32_t first = block.x * kRows;
    const uint32_t rows = a.rows - first < kRows ? a.rows - first : kRows;
    constexpr uint32_t kPack = kPackOf<T>;
    block.Last([&](uint32_t thread) {
      if (a.half % kPack == 0 && a.stride % kPack == 0) {
        for (uint32_t at = thread; at < Packs<kPack>(a, rows); at += kAtOnce * kThreads) {
          Turn<kPack, kAtOnce>(a, first, rows, at);
        }
      } else {
        for (uint32_t at = thread; at < Packs<1>(a, rows); at += kThreads) {
          Turn<1, 1>(a, first, rows, at);
        }
      }
    });
  }

 private:
  template <uint32_t kPack>
  static DURE_DEVICE uint32_t Packs(const Args& a, uint32_t rows) {
    return rows * a.heads * (a.half / kPack);
  }

  // Packs at, at + kThreads, … of the block's rows.
  template <uint32_t kPack, uint32_t kCount>
  static DURE_DEVICE void Turn(const Args& a, uint32_t first, uint32_t rows, uint32_t at) {
    const uint32_t each = a.half / kPack;  // packs of half a head
    Pack<T, kPack> lows[kCount] = {};
    Pack<T, kPack> highs[kCount] = {};
    T* low[kCount] = {};
    uint32_t angle[kCount] = {};
    DURE_UNROLL
    for (uint32_t n = 0; n < kCount; ++n) {
      const uint32_t pack = at + n * kThreads;
      if (pack >= Packs<kPack>(a, rows)) continue;
      const uint32_t head = pack / each;
      const uint32_t row = first + head / a.heads;
      const uint32_t i = pack % each * kPack;
      low[n] = a.data + uint64_t{row} * a.stride + head % a.heads * 2 * a.half + i;
      angle[n] = (a.first + row % a.sequence) * a.half + i;
      lows[n] = LoadPack<kPack>(low[n]);
      highs[n] = LoadPack<kPack>(low[n] + a.half);
    }
    DURE_UNROLL
    for (uint32_t n = 0; n < kCount; ++n) {
      if (at + n * kThreads >= Packs<kPack>(a, rows)) continue;
      float x[kPack], y[kPack], cosine[kPack], sine[kPack];
      Unpack(lows[n], x);
      Unpack(highs[n], y);
      Load<kPack>(a.cosine + angle[n], cosine);
      Load<kPack>(a.sine + angle[n], sine);
      DURE_UNROLL
      for (uint32_t k = 0; k < kPack; ++k) {
        const float was = x[k];
        const float turned = sine[k] * a.turn;
        x[k] = was * cosine[k] - y[k] * turned;
        y[k] = y[k] * cosine[k] + was * turned;
      }
      Store<kPack>(x, low[n]);
      Store<kPack>(y, low[n] + a.half);
    }
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
          up[k] *= Quotient(gate[k], 1.0F + Exponential(-gate[k]));
        }
        Store<width.kWidth>(up, to + i);
      });
    });
  }
};

// The gradient of gate_up from that of y, and y again where there is room for it.
template <typename T>
struct SwiGluBackward {
  static constexpr uint32_t kThreads = 256;
  struct Args {
    const T* gate_up;  // [rows, 2 width]
    const T* dy;       // [rows, width]
    T* y;              // [rows, width], not dy; null: not made
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
          const float sigmoid = Quotient(1.0F, 1.0F + Exponential(-gate[k]));
          const float silu = gate[k] * sigmoid;
          y[k] = silu * up[k];
          gate[k] = dy[k] * up[k] * (sigmoid + silu * (1.0F - sigmoid));
          up[k] = dy[k] * silu;
        }
        if (a.y != nullptr) Store<width.kWidth>(y, a.y + narrow + i);
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
  static constexpr uint32_t kBlocks = 1056;
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
      // Four numbers at a time where they lie at a multiple of sixteen bytes, then the rest.
      const uint64_t packs = IsAligned(a.in) ? a.count / 4 : 0;
      const uint64_t first = uint64_t{block.x} * kThreads + thread;
      double sum = 0;
      for (uint64_t i = first; i < packs; i += uint64_t{kBlocks} * kThreads) {
        float x[4];
        Load<4>(a.in + 4 * i, x);
        DURE_UNROLL
        for (uint32_t k = 0; k < 4; ++k) sum += Term(a, x[k]);
      }
      for (uint64_t i = 4 * packs + first; i < a.count; i += uint64_t{kBlocks} * kThreads) {
        sum += Term(a, a.in[i]);
      }
      own[thread] = sum;
    });
    const double sum = block.BlockSum(own);
    block.Last([&](uint32_t thread) {
      if (thread == 0) a.parts[block.x] = sum;
    });
  }

 private:
  static DURE_DEVICE bool IsAligned(const float* in) {
    return reinterpret_cast<uintptr_t>(in) % (4 * sizeof(float)) == 0;
  }
  static DURE_DEVICE double Term(const Args& a, float x) {
    const double exact = static_cast<double>(x);
    return a.squares ? exact * exact : exact;
  }
};

}  // namespace dure::model::cuda
