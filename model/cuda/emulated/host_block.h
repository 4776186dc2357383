// A block of threads on the CPU: what a kernel's body (kernels/) is given when there is no device.
//
// A body is a sequence of phases. In a phase every thread of the block runs the same function, and
// a barrier follows; so running the threads of a phase one after the other computes exactly what
// the device does, unless two threads of one phase touch the same memory and one of them writes.
// That is a race on the device, and shows here as a difference between running the threads upwards
// and downwards: tests run both (emulated_device.h). The same holds for the blocks of a grid.
//
// What stands in a register of each thread from one phase to the next is a Registers<V>, indexed by
// the thread. Operations over lanes (shuffles) and warps' matrix products are members; here they
// are loops.
//
// Shared memory, registers and all that a kernel is to write begin as NaN.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "federation/check.h"
#include "model/cuda/kernels/number.h"

namespace dure::model::cuda {

template <uint32_t kThreadCount>
class HostBlock {
 public:
  static constexpr uint32_t kThreads = kThreadCount;

  template <typename V>
  class Registers {
   public:
    Registers() { std::memset(static_cast<void*>(values_), 0xff, sizeof values_); }
    V& operator[](uint32_t thread) { return values_[thread]; }
    const V& operator[](uint32_t thread) const { return values_[thread]; }

   private:
    V values_[kThreadCount];
  };

  HostBlock(Grid place, std::vector<uint8_t>& memory, bool upwards)
      : x(place.x), y(place.y), memory_(memory), upwards_(upwards) {
    std::ranges::fill(memory_, uint8_t{0xff});
  }

  const uint32_t x;
  const uint32_t y;

  // The block's shared memory.
  template <typename V>
  V* Shared(uint32_t byte_offset = 0) {
    return reinterpret_cast<V*>(memory_.data() + byte_offset);
  }

  // A kernel with kBeginsEarly runs while the one queued before it does, on what that one leaves
  // free of the device. Until AwaitEarlier, which every thread calls and which returns when all
  // that was queued before has ended, it may touch only what none of that writes: weights.
  void AwaitEarlier() { has_awaited_ = true; }
  bool has_awaited() const { return has_awaited_; }
  // The next kernel may begin where it can, once every block has said so or ended.
  void LetNextBegin() {}

  template <typename F>
  void Phase(F f) {
    DURE_CHECK(!ended_, "a phase behind the last one: it would have no barrier before it");
    DURE_CHECK(!warps_read_, "a phase while warps may still read shared memory: Refill it");
    ForThreads(f);
  }
  // The phase that nothing follows: without a barrier.
  template <typename F>
  void Last(F f) {
    Own(f);
    ended_ = true;
  }

  // Each thread's value becomes the sum over its group of kGroup neighbours (a power of two up to
  // 32), formed as a butterfly.
  template <uint32_t kGroup, typename V>
  void GroupSum(Registers<V>& r) {
    Butterfly<kGroup>(r, [](V a, V b) { return a + b; });
  }
  template <uint32_t kGroup>
  void GroupMax(Registers<float>& r) {
    Butterfly<kGroup>(r, [](float a, float b) { return a > b ? a : b; });
  }
  // The same over the block, for every thread.
  template <typename V>
  V BlockSum(Registers<V>& r) {
    GroupSum<32>(r);
    V sum = r[0];
    for (uint32_t thread = 32; thread < kThreadCount; thread += 32) sum += r[thread];
    return sum;
  }
  float BlockMax(Registers<float>& r) {
    GroupMax<32>(r);
    float most = r[0];
    for (uint32_t thread = 32; thread < kThreadCount; thread += 32) {
      most = most > r[thread] ? most : r[thread];
    }
    return most;
  }

  // A phase that overwrites shared memory which warps read below without a barrier: there is one
  // before it and one behind it.
  template <typename F>
  void Refill(F f) {
    warps_read_ = false;
    Phase(f);
  }
  // What touches nothing but the thread's own registers: without a barrier.
  template <typename F>
  void Own(F f) {
    DURE_CHECK(!ended_, "behind the last phase");
    ForThreads(f);
  }

  // Each warp w: c = a bᵀ with a [16, kInner], rows 16 w on of what `a` points to, and b [kColumns,
  // kInner], both in shared memory. Strides are multiples of 8.
  template <uint32_t kColumns, uint32_t kInner, typename T>
  void WarpScores(Registers<WarpTile<kColumns>>& c, const T* a, uint32_t a_stride, const T* b,
                  uint32_t b_stride) {
    static_assert(kColumns % 8 == 0 && kInner % 16 == 0);
    BeginWarpProduct(a_stride, b_stride);
    // Straight loops over plain numbers, since most of a test's time passes here.
    static thread_local float right[kInner][kColumns];
    for (uint32_t at = 0; at < kInner * kColumns; ++at) {
      right[at / kColumns][at % kColumns] = ToFloat(b[at % kColumns * b_stride + at / kColumns]);
    }
    for (uint32_t row = 0; row < kThreadCount / 2; ++row) {
      float sums[kColumns] = {};
      for (uint32_t k = 0; k < kInner; ++k) {
        const float left = ToFloat(a[row * a_stride + k]);
        for (uint32_t j = 0; j < kColumns; ++j) sums[j] += left * right[k][j];
      }
      Scatter<kColumns>(row, sums,
                        [&](uint32_t thread, uint32_t e, float sum) { c[thread].values[e] = sum; });
    }
  }

  // Each warp: c [16, kColumns] += p b with p [16, kInner] its own, rounded to T, and b [kInner,
  // kColumns] in shared memory.
  template <uint32_t kInner, uint32_t kColumns, typename T>
  void WarpMix(Registers<WarpTile<kColumns>>& c, const Registers<WarpTile<kInner>>& p, const T* b,
               uint32_t b_stride) {
    static_assert(kColumns % 8 == 0 && kInner % 16 == 0);
    BeginWarpProduct(b_stride, b_stride);
    static thread_local float right[kInner][kColumns];
    for (uint32_t at = 0; at < kInner * kColumns; ++at) {
      right[at / kColumns][at % kColumns] = ToFloat(b[at / kColumns * b_stride + at % kColumns]);
    }
    for (uint32_t warp = 0; warp < kThreadCount; warp += 32) {
      float whole[16][kInner];
      for (uint32_t at = 0; at < 32 * WarpTile<kInner>::kEach; ++at) {
        const uint32_t lane = at % 32;
        const uint32_t e = at / 32;
        whole[WarpTile<kInner>::RowOf(lane, e)][WarpTile<kInner>::ColumnOf(lane, e)] =
            ToFloat(FromFloat<T>(p[warp + lane].values[e]));
      }
      for (uint32_t row = 0; row < 16; ++row) {
        float sums[kColumns] = {};
        for (uint32_t at = 0; at < kInner * kColumns; ++at) {
          const uint32_t k = at / kColumns;
          sums[at % kColumns] += whole[row][k] * right[k][at % kColumns];
        }
        Scatter<kColumns>(warp / 2 + row, sums, [&](uint32_t thread, uint32_t e, float sum) {
          c[thread].values[e] += sum;
        });
      }
    }
  }

 private:
  template <typename F>
  void ForThreads(F f) {
    if (upwards_) {
      for (uint32_t thread = 0; thread < kThreadCount; ++thread) f(thread);
    } else {
      for (uint32_t thread = kThreadCount; thread-- > 0;) f(thread);
    }
  }
  // Gives each element of a row of the block's 16 a warp to the thread and place that hold it.
  template <uint32_t kColumns, typename Give>
  static void Scatter(uint32_t row, const float (&sums)[kColumns], Give give) {
    for (uint32_t j = 0; j < kColumns; ++j) {
      const uint32_t lane = row % 8 * 4 + j % 8 / 2;
      const uint32_t e = j / 8 * 4 + row % 16 / 8 * 2 + j % 2;
      DURE_CHECK(WarpTile<kColumns>::RowOf(lane, e) == row % 16 &&
                     WarpTile<kColumns>::ColumnOf(lane, e) == j,
                 "the inverse of the layout");
      give(row / 16 * 32 + lane, e, sums[j]);
    }
  }
  void BeginWarpProduct(uint32_t a_stride, uint32_t b_stride) {
    DURE_CHECK(!ended_ && a_stride % 8 == 0 && b_stride % 8 == 0, "strides of tiles");
    warps_read_ = true;
  }

  template <uint32_t kGroup, typename V, typename Combine>
  void Butterfly(Registers<V>& r, Combine combine) {
    DURE_CHECK(!ended_, "an exchange behind the last phase");
    for (uint32_t distance = kGroup / 2; distance > 0; distance /= 2) {
      const Registers<V> before = r;
      for (uint32_t thread = 0; thread < kThreadCount; ++thread) {
        r[thread] = combine(before[thread], before[thread ^ distance]);
      }
    }
  }

  std::vector<uint8_t>& memory_;
  const bool upwards_;
  bool ended_ = false;
  bool has_awaited_ = false;
  bool warps_read_ = false;  // shared memory, and no barrier since
};

}  // namespace dure::model::cuda
