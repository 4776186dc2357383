// A block of threads on the device: the other side of emulated/host_block.h, which says what each
// member means. Here a Registers<V> is the thread's own register, a phase is a call and a barrier,
// and warps' matrix products run on tensor cores (bf16) or as plain sums (fp32).
#pragma once

#include "model/cuda/kernels/number.h"

namespace dure::model::cuda {

template <uint32_t kThreadCount>
class DeviceBlock {
 public:
  static constexpr uint32_t kThreads = kThreadCount;
  static constexpr uint32_t kWarps = kThreadCount / 32;

  template <typename V>
  class Registers {
   public:
    __device__ V& operator[](uint32_t) { return value_; }
    __device__ const V& operator[](uint32_t) const { return value_; }

   private:
    V value_;
  };

  __device__ DeviceBlock(uint8_t* memory, double* warps)
      : x(blockIdx.x), y(blockIdx.y), memory_(memory), warps_(warps) {}

  const uint32_t x;
  const uint32_t y;

  template <typename V>
  __device__ V* Shared(uint32_t byte_offset = 0) {
    return reinterpret_cast<V*>(memory_ + byte_offset);
  }
  __device__ void AwaitEarlier() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
  }
  __device__ void LetNextBegin() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
  }
  template <typename F>
  __device__ void Phase(F f) {
    f(threadIdx.x);
    __syncthreads();
  }
  template <typename F>
  __device__ void Last(F f) {
    f(threadIdx.x);
  }

  template <uint32_t kGroup, typename V>
  __device__ void GroupSum(Registers<V>& r) {
#pragma unroll
    for (uint32_t distance = kGroup / 2; distance > 0; distance /= 2) {
      r[0] += __shfl_xor_sync(0xffffffffU, r[0], distance);
    }
  }
  template <uint32_t kGroup>
  __device__ void GroupMax(Registers<float>& r) {
#pragma unroll
    for (uint32_t distance = kGroup / 2; distance > 0; distance /= 2) {
      const float other = __shfl_xor_sync(0xffffffffU, r[0], distance);
      r[0] = r[0] > other ? r[0] : other;
    }
  }
  template <typename V>
  __device__ V BlockSum(Registers<V>& r) {
    GroupSum<32>(r);
    V* const warps = AllWarps(r[0]);
    V sum = warps[0];
#pragma unroll
    for (uint32_t warp = 1; warp < kWarps; ++warp) sum += warps[warp];
    __syncthreads();  // before the next call writes them
    return sum;
  }
  __device__ float BlockMax(Registers<float>& r) {
    GroupMax<32>(r);
    float* const warps = AllWarps(r[0]);
    float most = warps[0];
#pragma unroll
    for (uint32_t warp = 1; warp < kWarps; ++warp) most = most > warps[warp] ? most : warps[warp];
    __syncthreads();
    return most;
  }

  template <typename F>
  __device__ void Refill(F f) {
    __syncthreads();
    Phase(f);
  }
  template <typename F>
  __device__ void Own(F f) {
    f(threadIdx.x);
  }

  // In bf16 on tensor cores: a's and b's pairs of numbers are read as they lie, since a bᵀ wants
  // both along their rows.
  template <uint32_t kColumns, uint32_t kInner>
  __device__ void WarpScores(Registers<WarpTile<kColumns>>& c, const Bf16* a, uint32_t a_stride,
                             const Bf16* b, uint32_t b_stride) {
    float* const sums = c[0].values;
#pragma unroll
    for (uint32_t e = 0; e < kColumns / 2; ++e) sums[e] = 0;
    const Bf16* const row = a + (threadIdx.x / 32 * 16 + Quad()) * a_stride + 2 * InQuad();
    const Bf16* const column = b + Quad() * b_stride + 2 * InQuad();
#pragma unroll
    for (uint32_t k = 0; k < kInner; k += 16) {
      const uint32_t left[4] = {Pair(row + k), Pair(row + 8 * a_stride + k), Pair(row + k + 8),
                                Pair(row + 8 * a_stride + k + 8)};
#pragma unroll
      for (uint32_t j = 0; j < kColumns / 8; ++j) {
        const Bf16* const at = column + j * 8 * b_stride + k;
        MultiplyAdd(sums + 4 * j, left, Pair(at), Pair(at + 8));
      }
    }
  }
  // p's registers are the left operand as they are; b is read down its columns by ldmatrix.
  template <uint32_t kInner, uint32_t kColumns>
  __device__ void WarpMix(Registers<WarpTile<kColumns>>& c, const Registers<WarpTile<kInner>>& p,
                          const Bf16* b, uint32_t b_stride) {
    float* const sums = c[0].values;
    const float* const x = p[0].values;
    const auto row =
        static_cast<uint32_t>(__cvta_generic_to_shared(b + threadIdx.x % 16 * b_stride));
#pragma unroll
    for (uint32_t k = 0; k < kInner; k += 16) {
      const float* const first = x + k / 2;  // the tile of columns k on, then that of k + 8 on
      const uint32_t left[4] = {TwoBf16(first[0], first[1]), TwoBf16(first[2], first[3]),
                                TwoBf16(first[4], first[5]), TwoBf16(first[6], first[7])};
#pragma unroll
      for (uint32_t j = 0; j < kColumns / 8; ++j) {
        uint32_t low, high;
        const uint32_t at = row + (k * b_stride + 8 * j) * static_cast<uint32_t>(sizeof(Bf16));
        asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
                     : "=r"(low), "=r"(high)
                     : "r"(at)
                     : "memory");
        MultiplyAdd(sums + 4 * j, left, low, high);
      }
    }
  }

  // In fp32 each thread sums for itself; what it needs of p is in its quad.
  template <uint32_t kColumns, uint32_t kInner>
  __device__ void WarpScores(Registers<WarpTile<kColumns>>& c, const float* a, uint32_t a_stride,
                             const float* b, uint32_t b_stride) {
    const uint32_t lane = threadIdx.x % 32;
#pragma unroll
    for (uint32_t e = 0; e < kColumns / 2; ++e) {
      const float* const row =
          a + (threadIdx.x / 32 * 16 + WarpTile<kColumns>::RowOf(lane, e)) * a_stride;
      const float* const column = b + WarpTile<kColumns>::ColumnOf(lane, e) * b_stride;
      float sum = 0;
      for (uint32_t k = 0; k < kInner; ++k) sum += row[k] * column[k];
      c[0].values[e] = sum;
    }
  }
  template <uint32_t kInner, uint32_t kColumns>
  __device__ void WarpMix(Registers<WarpTile<kColumns>>& c, const Registers<WarpTile<kInner>>& p,
                          const float* b, uint32_t b_stride) {
    const uint32_t lane = threadIdx.x % 32;
#pragma unroll 8
    for (uint32_t k = 0; k < kInner; ++k) {
      const uint32_t from = lane / 4 * 4 + k % 8 / 2;
      const uint32_t at = k / 8 * 4 + k % 2;
      const float upper = __shfl_sync(0xffffffffU, p[0].values[at], from);
      const float lower = __shfl_sync(0xffffffffU, p[0].values[at + 2], from);
#pragma unroll
      for (uint32_t e = 0; e < kColumns / 2; ++e) {
        const float x = e / 2 % 2 == 0 ? upper : lower;
        c[0].values[e] += x * b[k * b_stride + WarpTile<kColumns>::ColumnOf(lane, e)];
      }
    }
  }

 private:
  static __device__ uint32_t Quad() { return threadIdx.x % 32 / 4; }
  static __device__ uint32_t InQuad() { return threadIdx.x % 4; }
  static __device__ uint32_t Pair(const Bf16* two) {
    return *reinterpret_cast<const uint32_t*>(two);
  }
  // sums [16, 8] += left [16, 16] right [16, 8].
  static __device__ void MultiplyAdd(float* sums, const uint32_t (&left)[4], uint32_t low,
                                     uint32_t high) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(left[0]), "r"(left[1]), "r"(left[2]), "r"(left[3]), "r"(low), "r"(high));
  }

  template <typename V>
  __device__ V* AllWarps(V value) {
    V* const warps = reinterpret_cast<V*>(warps_);
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = value;
    __syncthreads();
    return warps;
  }

  uint8_t* const memory_;
  double* const warps_;  // one a warp, for sums over the block
};

}  // namespace dure::model::cuda
