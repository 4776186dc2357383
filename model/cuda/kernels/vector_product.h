// A matrix times one vector, which is how decoding reads every weight once a token: nothing but how
// fast memory gives them matters.
//
// A task is a row, or two rows that belong together. `split` warps share a task; a lane takes 16
// bytes of a row at a time and asks for kAtOnce of them before it computes with the first. The
// first ones are asked for before the kernels queued earlier have ended, since weights do not
// depend on them: so while one kernel ends, the next one's weights are on their way.
#pragma once

#include "model/cuda/kernels/number.h"

namespace dure::model::cuda {

template <typename T>
struct VectorWork {
  const T* matrix;  // rows of `inner`, without gaps
  uint32_t inner;
  uint32_t tasks;
  uint32_t split;   // warps of a task: 1, 2, 4 or 8
  uint32_t rounds;  // tasks that these warps take one after the other: at most 32
};

// What a kernel that multiplies (Op) derives from. Op has
//   Args with `VectorWork<T> work`, and Extra: what Finish needs of memory, fetched early;
//   uint32_t Row(args, task, i): row i of the task, i < kRows;
//   const T* Vector(block, args): the vector; in shared memory, of Op::SharedVector(args) bytes, or
//   where it lies;
//   Extra Fetch(args, task) before the vector, FetchBehind(args, task, extra) behind it, so that
//   what one load needs of another is there by then; and Finish(args, task, sums, extra).
template <typename Op, typename T, uint32_t kRows, uint32_t kAtOnce>
struct VectorProduct {
  static constexpr uint32_t kThreads = 256;
  static constexpr uint32_t kWarps = kThreads / 32;
  static constexpr uint32_t kPack = kPackOf<T>;
  static constexpr bool kBeginsEarly = true;
  static constexpr uint32_t kBlocksAtOnce = 4;  // of 64 registers a thread

  // The fewest warps a task that ask for all of it at once.
  static VectorWork<T> WorkOf(const T* matrix, uint32_t tasks, uint32_t inner,
                              uint32_t rounds = 1) {
    uint32_t split = 1;
    while (split < kWarps && 32 * split * kAtOnce * kPack < inner) split *= 2;
    return {matrix, inner, tasks, split, rounds};
  }
  template <typename Args, typename Extra>
  static DURE_DEVICE void FetchBehind(const Args&, uint32_t, Extra&) {}
  template <typename Args>
  static Grid GridOf(const Args& a) {
    return {CeilDiv(a.work.tasks, TasksOf(a.work))};
  }
  template <typename Args>
  static uint32_t SharedBytes(const Args& a) {
    return SumsAt(a) + a.work.rounds * kWarps * kRows * static_cast<uint32_t>(sizeof(float));
  }

  template <typename Block, typename Args>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    const VectorWork<T>& work = a.work;
    const bool in_packs =
        work.inner % kPack == 0 && reinterpret_cast<uintptr_t>(work.matrix) % 16 == 0;
    const uint32_t groups = kWarps / work.split;
    const uint32_t first = block.x * TasksOf(work);
    typename Block::template Registers<Parts> parts;
    block.LetNextBegin();
    block.Own([&](uint32_t thread) {
      if (in_packs) Ask(a, first + thread / (32 * work.split), 0, thread, parts[thread]);
    });
    block.AwaitEarlier();
    typename Block::template Registers<typename Op::Extra> extra;
    block.Own([&](uint32_t thread) {
      const uint32_t task = first + thread;
      if (thread < TasksOf(work) && task < work.tasks) extra[thread] = Op::Fetch(a, task);
    });
    const T* const x = Op::Vector(block, a);
    block.Own([&](uint32_t thread) {
      const uint32_t task = first + thread;
      if (thread < TasksOf(work) && task < work.tasks) Op::FetchBehind(a, task, extra[thread]);
    });
    float* const of_warps = block.template Shared<float>(SumsAt(a));
    for (uint32_t round = 0; round < work.rounds; ++round) {
      typename Block::template Registers<float> sums[kRows];
      block.Own([&](uint32_t thread) {
        const uint32_t task = first + round * groups + thread / (32 * work.split);
        float own[kRows] = {};
        if (in_packs) {
          Multiply(a, task, thread, x, parts[thread], own);
          if (round + 1 < work.rounds) Ask(a, task + groups, 0, thread, parts[thread]);
        } else {
          MultiplyOneByOne(a, task, thread, x, own);
        }
        DURE_UNROLL
        for (uint32_t i = 0; i < kRows; ++i) sums[i][thread] = own[i];
      });
      DURE_UNROLL
      for (uint32_t i = 0; i < kRows; ++i) block.template GroupSum<32>(sums[i]);
      block.Phase([&](uint32_t thread) {
        if (thread % 32 != 0) return;
        DURE_UNROLL
        for (uint32_t i = 0; i < kRows; ++i) {
          of_warps[(round * kWarps + thread / 32) * kRows + i] = sums[i][thread];
        }
      });
    }
    block.Last([&](uint32_t thread) {
      const uint32_t task = first + thread;
      if (thread >= TasksOf(work) || task >= work.tasks) return;
      float sums[kRows] = {};
      for (uint32_t part = 0; part < work.split; ++part) {
        DURE_UNROLL
        for (uint32_t i = 0; i < kRows; ++i) {
          sums[i] += of_warps[(thread * work.split + part) * kRows + i];
        }
      }
      Op::Finish(a, task, sums, extra[thread]);
    });
  }

 private:
  // What a lane has asked for.
  struct Parts {
    Pack16<T> packs[kRows][kAtOnce];
  };

  // Of a block.
  static DURE_HOST_DEVICE uint32_t TasksOf(const VectorWork<T>& work) {
    return kWarps / work.split * work.rounds;
  }
  template <typename Args>
  static DURE_HOST_DEVICE uint32_t SumsAt(const Args& a) {
    return CeilDiv(Op::SharedVector(a), 16) * 16;
  }

  // Packs begin + lane, begin + lane + lanes, … of the task's rows.
  template <typename Args>
  static DURE_DEVICE void Ask(const Args& a, uint32_t task, uint32_t begin, uint32_t thread,
                              Parts& parts) {
    const uint32_t lanes = 32 * a.work.split;
    if (task >= a.work.tasks) return;
    DURE_UNROLL
    for (uint32_t i = 0; i < kRows; ++i) {
      const T* const row = a.work.matrix + uint64_t{Op::Row(a, task, i)} * a.work.inner;
      DURE_UNROLL
      for (uint32_t k = 0; k < kAtOnce; ++k) {
        const uint32_t at = (begin + k * lanes + thread % lanes) * kPack;
        if (at < a.work.inner) parts.packs[i][k] = LoadOnce(row + at);
      }
    }
  }

  template <typename Args>
  static DURE_DEVICE void Multiply(const Args& a, uint32_t task, uint32_t thread, const T* x,
                                   Parts& parts, float (&own)[kRows]) {
    const uint32_t lanes = 32 * a.work.split;
    if (task >= a.work.tasks) return;
    for (uint32_t begin = 0; begin * kPack < a.work.inner; begin += kAtOnce * lanes) {
      if (begin > 0) Ask(a, task, begin, thread, parts);
      DURE_UNROLL
      for (uint32_t k = 0; k < kAtOnce; ++k) {
        const uint32_t at = (begin + k * lanes + thread % lanes) * kPack;
        if (at >= a.work.inner) continue;
        const Pack16<T> right = LoadPack(x + at);
        DURE_UNROLL
        for (uint32_t i = 0; i < kRows; ++i) {
          DURE_UNROLL
          for (uint32_t e = 0; e < kPack; ++e) {
            own[i] += parts.packs[i][k][e] * right[e];
          }
        }
      }
    }
  }

  // Rows that are no packs, or begin at none.
  template <typename Args>
  static DURE_DEVICE void MultiplyOneByOne(const Args& a, uint32_t task, uint32_t thread,
                                           const T* x, float (&own)[kRows]) {
    const uint32_t lanes = 32 * a.work.split;
    if (task >= a.work.tasks) return;
    for (uint32_t i = 0; i < kRows; ++i) {
      const T* const row = a.work.matrix + uint64_t{Op::Row(a, task, i)} * a.work.inner;
      for (uint32_t at = thread % lanes; at < a.work.inner; at += lanes) {
        own[i] += ToFloat(row[at]) * ToFloat(x[at]);
      }
    }
  }
};

}  // namespace dure::model::cuda
