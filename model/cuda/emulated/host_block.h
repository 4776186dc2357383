// A block of threads on the CPU: what a kernel's body (kernels/) is given when there is no device.
//
// A body is a sequence of phases. In a phase every thread of the block runs the same function, and
// a barrier follows; so running the threads of a phase one after the other computes exactly what
// the device does, unless two threads of one phase touch the same memory and one of them writes.
// That is a race on the device, and shows here as a difference between running the threads upwards
// and downwards: tests run both (emulated_device.h). The same holds for the blocks of a grid.
//
// What stands in a register of each thread from one phase to the next is a Registers<V>, indexed by
// the thread. Operations over lanes (shuffles) and matrix products are members; here they are
// loops that add in the order of the device's.
//
// Shared memory, registers and all that a kernel is to write begin as NaN.
#pragma once

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
    std::memset(memory_.data(), 0xff, memory_.size());
  }

  const uint32_t x;
  const uint32_t y;

  // The block's shared memory.
  template <typename V>
  V* Shared(uint32_t byte_offset = 0) {
    return reinterpret_cast<V*>(memory_.data() + byte_offset);
  }

  template <typename F>
  void Phase(F f) {
    DURE_CHECK(!ended_, "a phase behind the last one: it would have no barrier before it");
    if (upwards_) {
      for (uint32_t thread = 0; thread < kThreadCount; ++thread) f(thread);
    } else {
      for (uint32_t thread = kThreadCount; thread-- > 0;) f(thread);
    }
  }
  // The phase that nothing follows: without a barrier.
  template <typename F>
  void Last(F f) {
    Phase(f);
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

  // c [rows, columns] = a b (+ c), all in shared memory and c in fp32, followed by a barrier. With
  // kAT a is stored [inner, rows], else [rows, inner]; with kBT b is stored [columns, inner], else
  // [inner, columns]. All three sizes are multiples of 16, strides of 8; see DeviceBlock.
  template <bool kAT, bool kBT, typename T>
  void Product(uint32_t rows, uint32_t columns, uint32_t inner, const T* a, uint32_t a_stride,
               const T* b, uint32_t b_stride, float* c, uint32_t c_stride, bool adds) {
    DURE_CHECK(!ended_ && rows % 16 == 0 && columns % 16 == 0 && inner % 16 == 0, "tiles of 16");
    DURE_CHECK(a_stride % 8 == 0 && b_stride % 8 == 0 && c_stride % 4 == 0, "strides of tiles");
    for (uint32_t i = 0; i < rows; ++i) {
      for (uint32_t j = 0; j < columns; ++j) {
        float sum = adds ? c[i * c_stride + j] : 0.0F;
        for (uint32_t k = 0; k < inner; ++k) {
          sum += ToFloat(kAT ? a[k * a_stride + i] : a[i * a_stride + k]) *
                 ToFloat(kBT ? b[j * b_stride + k] : b[k * b_stride + j]);
        }
        c[i * c_stride + j] = sum;
      }
    }
  }

 private:
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
};

}  // namespace dure::model::cuda
