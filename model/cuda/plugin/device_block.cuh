// A block of threads on the device: the other side of emulated/host_block.h, which says what each
// member means. Here a Registers<V> is the thread's own register, a phase is a call and a barrier,
// and matrix products run on tensor cores (bf16) or as plain sums (fp32).
#pragma once

#include <mma.h>

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

  // Each warp computes tiles of 16 x 16. All pointers are multiples of 32 bytes, and so are the
  // corners of tiles: strides are multiples of 8 elements (bf16) and of 4 (fp32).
  template <bool kAT, bool kBT>
  __device__ void Product(uint32_t rows, uint32_t columns, uint32_t inner, const Bf16* a,
                          uint32_t a_stride, const Bf16* b, uint32_t b_stride, float* c,
                          uint32_t c_stride, bool adds) {
    using namespace nvcuda;
    using LayoutA = std::conditional_t<kAT, wmma::col_major, wmma::row_major>;
    using LayoutB = std::conditional_t<kBT, wmma::col_major, wmma::row_major>;
    const auto* const left = reinterpret_cast<const __nv_bfloat16*>(a);
    const auto* const right = reinterpret_cast<const __nv_bfloat16*>(b);
    const uint32_t across = columns / 16;
    for (uint32_t tile = threadIdx.x / 32; tile < rows / 16 * across; tile += kWarps) {
      const uint32_t row = tile / across * 16;
      const uint32_t column = tile % across * 16;
      float* const corner = c + row * c_stride + column;
      wmma::fragment<wmma::accumulator, 16, 16, 16, float> sum;
      if (adds) {
        wmma::load_matrix_sync(sum, corner, c_stride, wmma::mem_row_major);
      } else {
        wmma::fill_fragment(sum, 0.0F);
      }
      for (uint32_t k = 0; k < inner; k += 16) {
        wmma::fragment<wmma::matrix_a, 16, 16, 16, __nv_bfloat16, LayoutA> x_tile;
        wmma::fragment<wmma::matrix_b, 16, 16, 16, __nv_bfloat16, LayoutB> y_tile;
        wmma::load_matrix_sync(x_tile, left + (kAT ? k * a_stride + row : row * a_stride + k),
                               a_stride);
        wmma::load_matrix_sync(
            y_tile, right + (kBT ? column * b_stride + k : k * b_stride + column), b_stride);
        wmma::mma_sync(sum, x_tile, y_tile, sum);
      }
      wmma::store_matrix_sync(corner, sum, c_stride, wmma::mem_row_major);
    }
    __syncthreads();
  }
  template <bool kAT, bool kBT>
  __device__ void Product(uint32_t rows, uint32_t columns, uint32_t inner, const float* a,
                          uint32_t a_stride, const float* b, uint32_t b_stride, float* c,
                          uint32_t c_stride, bool adds) {
    for (uint32_t at = threadIdx.x; at < rows * columns; at += kThreadCount) {
      const uint32_t i = at / columns;
      const uint32_t j = at % columns;
      float sum = adds ? c[i * c_stride + j] : 0.0F;
      for (uint32_t k = 0; k < inner; ++k) {
        sum += (kAT ? a[k * a_stride + i] : a[i * a_stride + k]) *
               (kBT ? b[j * b_stride + k] : b[k * b_stride + j]);
      }
      c[i * c_stride + j] = sum;
    }
    __syncthreads();
  }

 private:
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
