// The five matrices that a decoded token meets in each layer and the head, each with what stands
// before and behind it: the norm, rotation and cache, the end of the attention, SwiGLU, the
// residual.
#pragma once

#include "model/cuda/kernels/decode_state.h"
#include "model/cuda/kernels/vector_product.h"

namespace dure::model::cuda {

// Tasks that a block's warps take one after the other: so many that all blocks of a kernel for a
// model of two thousand numbers a row are computed at once by the largest GPUs, since a second wave
// waits for memory from the beginning, and that fewer blocks make the same norm. Measured on an
// H200.
inline constexpr uint32_t kQkvRounds = 2;
inline constexpr uint32_t kGateUpRounds = 3;
inline constexpr uint32_t kDownRounds = 2;
inline constexpr uint32_t kHeadRounds = 4;

template <typename T>
struct NormedVector {
  const T* x;       // [inner]
  const T* weight;  // [inner]
  float eps;
};

// x inverse ∘ weight, as RmsNorm gives it, in shared memory.
template <typename T, typename Block>
DURE_DEVICE const T* NormInShared(Block& block, const NormedVector<T>& n, uint32_t inner) {
  constexpr uint32_t kThreads = Block::kThreads;
  T* const normal = block.template Shared<T>();
  typename Block::template Registers<float> squares;
  block.Own([&](uint32_t thread) {
    float sum = 0;
    ForColumns<kPackOf<T>>(thread, kThreads, inner, [&](auto width, uint32_t i) {
      float values[width.kWidth];
      Load<width.kWidth>(n.x + i, values);
      DURE_UNROLL
      for (uint32_t k = 0; k < width.kWidth; ++k) sum += values[k] * values[k];
    });
    squares[thread] = sum;
  });
  const float inverse = 1.0F / sqrtf(block.BlockSum(squares) / static_cast<float>(inner) + n.eps);
  block.Phase([&](uint32_t thread) {
    ForColumns<kPackOf<T>>(thread, kThreads, inner, [&](auto width, uint32_t i) {
      float values[width.kWidth], weight[width.kWidth];
      Load<width.kWidth>(n.x + i, values);
      Load<width.kWidth>(n.weight + i, weight);
      DURE_UNROLL
      for (uint32_t k = 0; k < width.kWidth; ++k) values[k] *= inverse * weight[k];
      Store<width.kWidth>(values, normal + i);
    });
  });
  return normal;
}

// The products with query, key and value of one normed row; queries and keys turned by the angle of
// the position, keys and values put behind those of the cache. A task is two rows that turn
// together.
template <typename T>
struct QkvVector : VectorProduct<QkvVector<T>, T, 2, 4> {
  struct Args {
    VectorWork<T> work;
    NormedVector<T> vector;
    const float* cosine;  // [positions, half]
    const float* sine;
    const DecodeState* state;
    T* q;       // [heads, 2 half]
    T* keys;    // [positions, kv_heads 2 half]
    T* values;  // as keys
    uint32_t heads;
    uint32_t kv_heads;
    uint32_t half;  // of a head
  };
  struct Extra {
    float cosine;
    float sine;
    uint32_t position;
  };

  static DURE_HOST_DEVICE uint32_t Row(const Args& a, uint32_t task, uint32_t i) {
    return task / a.half * 2 * a.half + task % a.half + i * a.half;
  }
  static DURE_HOST_DEVICE uint32_t SharedVector(const Args& a) { return a.work.inner * sizeof(T); }
  template <typename Block>
  static DURE_DEVICE const T* Vector(Block& block, const Args& a) {
    return NormInShared(block, a.vector, a.work.inner);
  }
  static DURE_DEVICE Extra Fetch(const Args& a, uint32_t) { return {0, 0, a.state->position}; }
  static DURE_DEVICE void FetchBehind(const Args& a, uint32_t task, Extra& extra) {
    const uint64_t at = uint64_t{extra.position} * a.half + task % a.half;
    extra.cosine = a.cosine[at];
    extra.sine = a.sine[at];
  }
  static DURE_DEVICE void Finish(const Args& a, uint32_t task, const float (&sums)[2],
                                 const Extra& extra) {
    const uint32_t head = task / a.half;
    T* to = a.q + head * 2 * a.half;
    if (head >= a.heads) {
      const uint32_t behind = head - a.heads;
      T* const cache = behind < a.kv_heads ? a.keys : a.values;
      to = cache + (uint64_t{extra.position} * a.kv_heads + behind % a.kv_heads) * 2 * a.half;
    }
    const bool turns = head < a.heads + a.kv_heads;
    const float cosine = turns ? extra.cosine : 1.0F;
    const float sine = turns ? extra.sine : 0.0F;
    to[task % a.half] = FromFloat<T>(sums[0] * cosine - sums[1] * sine);
    to[task % a.half + a.half] = FromFloat<T>(sums[1] * cosine + sums[0] * sine);
  }
};

// stream += matrix attended, where attended [heads, dim] is put together from its splits.
template <typename T>
struct OutVector : VectorProduct<OutVector<T>, T, 1, 8> {
  static constexpr uint32_t kBlocksAtOnce = 2;  // its blocks are few
  struct Args {
    VectorWork<T> work;
    const T* parts;        // [kDecodeSplits, heads dim]
    const SplitSum* sums;  // [kDecodeSplits, heads]; a split without keys has none
    T* stream;
    uint32_t heads;
    uint32_t dim;
  };
  using Extra = float;

  static DURE_HOST_DEVICE uint32_t Row(const Args&, uint32_t task, uint32_t) { return task; }
  static DURE_HOST_DEVICE uint32_t SharedVector(const Args& a) { return a.work.inner * sizeof(T); }
  template <typename Block>
  static DURE_DEVICE const T* Vector(Block& block, const Args& a) {
    T* const attended = block.template Shared<T>();
    block.Phase([&](uint32_t thread) {
      // Packs lie within a head.
      if (a.dim % kPackOf<T> == 0) {
        for (uint32_t i = thread * kPackOf<T>; i < a.work.inner;
             i += Block::kThreads * kPackOf<T>) {
          Join<kPackOf<T>>(a, i, attended);
        }
      } else {
        for (uint32_t i = thread; i < a.work.inner; i += Block::kThreads) {
          Join<1>(a, i, attended);
        }
      }
    });
    return attended;
  }
  static DURE_DEVICE Extra Fetch(const Args& a, uint32_t task) { return ToFloat(a.stream[task]); }
  static DURE_DEVICE void Finish(const Args& a, uint32_t task, const float (&sums)[1],
                                 const Extra& extra) {
    a.stream[task] = FromFloat<T>(extra + sums[0]);
  }

 private:
  template <uint32_t kWidth>
  static DURE_DEVICE void Join(const Args& a, uint32_t i, T* attended) {
    const SplitSum* const sums = a.sums + i / a.dim;  // every a.heads
    float most = -INFINITY;
    DURE_UNROLL
    for (uint32_t split = 0; split < kDecodeSplits; ++split) {
      const float own = sums[split * a.heads].most;
      most = own > most ? own : most;
    }
    float sum = 0;
    float mixed[kWidth] = {};
    DURE_UNROLL
    for (uint32_t split = 0; split < kDecodeSplits; ++split) {
      const SplitSum own = sums[split * a.heads];
      if (own.sum == 0) continue;  // NaN goes on
      const float weight = own.sum * Exponential(own.most - most);
      float part[kWidth];
      Load<kWidth>(a.parts + uint64_t{split} * a.work.inner + i, part);
      sum += weight;
      DURE_UNROLL
      for (uint32_t k = 0; k < kWidth; ++k) mixed[k] += weight * part[k];
    }
    DURE_UNROLL
    for (uint32_t k = 0; k < kWidth; ++k) mixed[k] /= sum;
    Store<kWidth>(mixed, attended + i);
  }
};

// silu(gate) ∘ up of one normed row. A task is a row of gate and its row of up.
template <typename T>
struct GateUpVector : VectorProduct<GateUpVector<T>, T, 2, 4> {
  struct Args {
    VectorWork<T> work;  // tasks: rows of gate; those of up lie behind them
    NormedVector<T> vector;
    T* y;  // [tasks]
  };
  struct Extra {};

  static DURE_HOST_DEVICE uint32_t Row(const Args& a, uint32_t task, uint32_t i) {
    return task + i * a.work.tasks;
  }
  static DURE_HOST_DEVICE uint32_t SharedVector(const Args& a) { return a.work.inner * sizeof(T); }
  template <typename Block>
  static DURE_DEVICE const T* Vector(Block& block, const Args& a) {
    return NormInShared(block, a.vector, a.work.inner);
  }
  static DURE_DEVICE Extra Fetch(const Args&, uint32_t) { return {}; }
  static DURE_DEVICE void Finish(const Args& a, uint32_t task, const float (&sums)[2],
                                 const Extra&) {
    a.y[task] = FromFloat<T>(sums[1] * (sums[0] / (1.0F + Exponential(-sums[0]))));
  }
};

// stream += matrix x.
template <typename T>
struct DownVector : VectorProduct<DownVector<T>, T, 1, 8> {
  struct Args {
    VectorWork<T> work;
    const T* x;
    T* stream;
  };
  using Extra = float;

  static DURE_HOST_DEVICE uint32_t Row(const Args&, uint32_t task, uint32_t) { return task; }
  static DURE_HOST_DEVICE uint32_t SharedVector(const Args&) { return 0; }
  template <typename Block>
  static DURE_DEVICE const T* Vector(Block&, const Args& a) {
    return a.x;
  }
  static DURE_DEVICE Extra Fetch(const Args& a, uint32_t task) { return ToFloat(a.stream[task]); }
  static DURE_DEVICE void Finish(const Args& a, uint32_t task, const float (&sums)[1],
                                 const Extra& extra) {
    a.stream[task] = FromFloat<T>(extra + sums[0]);
  }
};

// logits = matrix times the normed row.
template <typename T>
struct HeadVector : VectorProduct<HeadVector<T>, T, 1, 8> {
  struct Args {
    VectorWork<T> work;
    NormedVector<T> vector;
    float* logits;  // [tasks]
  };
  struct Extra {};

  static DURE_HOST_DEVICE uint32_t Row(const Args&, uint32_t task, uint32_t) { return task; }
  static DURE_HOST_DEVICE uint32_t SharedVector(const Args& a) { return a.work.inner * sizeof(T); }
  template <typename Block>
  static DURE_DEVICE const T* Vector(Block& block, const Args& a) {
    return NormInShared(block, a.vector, a.work.inner);
  }
  static DURE_DEVICE Extra Fetch(const Args&, uint32_t) { return {}; }
  static DURE_DEVICE void Finish(const Args& a, uint32_t task, const float (&sums)[1],
                                 const Extra&) {
    a.logits[task] = sums[0];
  }
};

}  // namespace dure::model::cuda
