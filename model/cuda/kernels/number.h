// The numbers that kernels compute with, for the device and for the emulated one alike: fp32, and
// bf16 as 16 bits of our own, so that no header of CUDA's is needed to name it.
//
// Every kernel computes in fp32 (or double where it says so) and only loads and stores bf16.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#if defined(__CUDACC__)
#define DURE_DEVICE __device__ __forceinline__
#define DURE_HOST_DEVICE __host__ __device__ __forceinline__
#define DURE_UNROLL _Pragma("unroll")  // so that what a loop indexes stays in registers
#else
#define DURE_DEVICE inline
#define DURE_HOST_DEVICE inline
#define DURE_UNROLL
#endif

namespace dure::model::cuda {

struct Bf16 {
  uint16_t bits;
};

DURE_HOST_DEVICE uint32_t BitsOf(float x) {
#if defined(__CUDA_ARCH__)
  return __float_as_uint(x);
#else
  return std::bit_cast<uint32_t>(x);
#endif
}

DURE_HOST_DEVICE float FloatOf(uint32_t bits) {
#if defined(__CUDA_ARCH__)
  return __uint_as_float(bits);
#else
  return std::bit_cast<float>(bits);
#endif
}

DURE_HOST_DEVICE float ToFloat(float x) { return x; }
DURE_HOST_DEVICE float ToFloat(Bf16 x) { return FloatOf(uint32_t{x.bits} << 16); }

// To the nearest, ties to even; NaN stays NaN.
template <typename T>
DURE_HOST_DEVICE T FromFloat(float x);
template <>
DURE_HOST_DEVICE float FromFloat<float>(float x) {
  return x;
}
template <>
DURE_HOST_DEVICE Bf16 FromFloat<Bf16>(float x) {
#if defined(__CUDA_ARCH__)
  uint16_t rounded;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(rounded) : "f"(x));
  return {rounded};
#endif
  const uint32_t bits = BitsOf(x);
  if ((bits & 0x7fffffffU) > 0x7f800000U) return {static_cast<uint16_t>((bits >> 16) | 0x40U)};
  return {static_cast<uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16)};
}

// Up or down with the chance that makes the mean exact: `chance` are 16 uniform bits. fp32 is left
// as it is; so are NaN and infinity.
template <typename T>
DURE_HOST_DEVICE T FromFloatByChance(float x, uint32_t chance);
template <>
DURE_HOST_DEVICE float FromFloatByChance<float>(float x, uint32_t) {
  return x;
}
template <>
DURE_HOST_DEVICE Bf16 FromFloatByChance<Bf16>(float x, uint32_t chance) {
  const uint32_t bits = BitsOf(x);
  if ((bits & 0x7f800000U) == 0x7f800000U) return FromFloat<Bf16>(x);
  return {static_cast<uint16_t>((bits + (chance & 0xffffU)) >> 16)};
}

// 32 bits for each (seed, index): a counter, not a state, so that any order gives the same.
DURE_HOST_DEVICE uint32_t ChanceBits(uint64_t seed, uint64_t index) {
  uint64_t x = seed + (index + 1) * 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return static_cast<uint32_t>((x ^ (x >> 31)) >> 32);
}

// Within some units in the last place; the device has an instruction for it.
DURE_DEVICE float Exponential(float x) {
#if defined(__CUDA_ARCH__)
  return __expf(x);
#else
  return std::exp(x);
#endif
}

// 2 to the power of x, and a / b, within some units in the last place.
inline constexpr float kLog2E = 1.44269504F;
DURE_DEVICE float PowerOfTwo(float x) {
#if defined(__CUDA_ARCH__)
  float power;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(x));
  return power;
#else
  return std::exp2(x);
#endif
}
DURE_DEVICE float Quotient(float a, float b) {
#if defined(__CUDA_ARCH__)
  return __fdividef(a, b);
#else
  return a / b;
#endif
}

// One IEEE operation each, never contracted: for results that must be the same bits everywhere.
DURE_DEVICE float ExactProduct(float a, float b) {
#if defined(__CUDA_ARCH__)
  return __fmul_rn(a, b);
#else
  return a * b;
#endif
}
DURE_DEVICE float ExactSum(float a, float b) {
#if defined(__CUDA_ARCH__)
  return __fadd_rn(a, b);
#else
  return a + b;
#endif
}

// N neighbours at once: one 16-byte access where N * sizeof(T) is 16. REQUIRES: `from` and `to` are
// multiples of N * sizeof(T) for N > 1.
template <typename T, uint32_t N>
struct alignas(sizeof(T) * N) Pack {
  T values[N];
};
template <uint32_t N, typename T>
DURE_DEVICE Pack<T, N> LoadPack(const T* from) {
#if defined(__CUDA_ARCH__)
  return *reinterpret_cast<const Pack<T, N>*>(from);
#else
  Pack<T, N> pack;
  for (uint32_t i = 0; i < N; ++i) pack.values[i] = from[i];
  return pack;
#endif
}
template <uint32_t N, typename T>
DURE_DEVICE void Unpack(const Pack<T, N>& pack, float (&to)[N]) {
  DURE_UNROLL
  for (uint32_t i = 0; i < N; ++i) to[i] = ToFloat(pack.values[i]);
}
template <uint32_t N, typename T>
DURE_DEVICE void Load(const T* from, float (&to)[N]) {
  Unpack(LoadPack<N>(from), to);
}

// The first in the lower half.
DURE_DEVICE uint32_t TwoBf16(float first, float second) {
#if defined(__CUDA_ARCH__)
  uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
#else
  return FromFloat<Bf16>(first).bits | uint32_t{FromFloat<Bf16>(second).bits} << 16;
#endif
}
template <uint32_t N, typename T>
DURE_DEVICE void Store(const float (&from)[N], T* to) {
#if defined(__CUDA_ARCH__)
  if constexpr (sizeof(T) == sizeof(Bf16) && N % 2 == 0) {
    Pack<uint32_t, N / 2> pairs;
    DURE_UNROLL
    for (uint32_t i = 0; i < N / 2; ++i) pairs.values[i] = TwoBf16(from[2 * i], from[2 * i + 1]);
    *reinterpret_cast<Pack<uint32_t, N / 2>*>(to) = pairs;
    return;
  }
  Pack<T, N> pack;
  DURE_UNROLL
  for (uint32_t i = 0; i < N; ++i) pack.values[i] = FromFloat<T>(from[i]);
  *reinterpret_cast<Pack<T, N>*>(to) = pack;
#else
  for (uint32_t i = 0; i < N; ++i) to[i] = FromFloat<T>(from[i]);
#endif
}

// 16 bytes as they lie in memory, so that many of them can wait in registers.
template <typename T>
struct Pack16 {
  uint32_t words[4];

  DURE_HOST_DEVICE float operator[](uint32_t i) const {
    if constexpr (sizeof(T) == 4) return FloatOf(words[i]);
    return FloatOf(i % 2 == 0 ? words[i / 2] << 16 : words[i / 2] & 0xffff0000U);
  }
  // REQUIRES: it was zero.
  DURE_HOST_DEVICE void Put(uint32_t i, float x) { words[i] = BitsOf(x); }
  DURE_HOST_DEVICE void Put(uint32_t i, Bf16 x) {
    words[i / 2] |= uint32_t{x.bits} << (i % 2 * 16);
  }
};
// REQUIRES: `from` is a multiple of 16.
template <typename T>
DURE_DEVICE Pack16<T> LoadPack(const T* from) {
#if defined(__CUDA_ARCH__)
  const uint4 words = *reinterpret_cast<const uint4*>(from);
  return {{words.x, words.y, words.z, words.w}};
#else
  if (reinterpret_cast<uintptr_t>(from) % 16 != 0) std::abort();  // as the device does
  Pack16<T> pack;
  std::memcpy(pack.words, from, sizeof pack.words);
  return pack;
#endif
}
// Of what no other thread reads, as weights are when a token is decoded: past the cache of the
// multiprocessor, and asked for where it stands. REQUIRES: nothing writes it while the kernel runs.
template <typename T>
DURE_DEVICE Pack16<T> LoadOnce(const T* from) {
#if defined(__CUDA_ARCH__)
  Pack16<T> pack;
  asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(pack.words[0]), "=r"(pack.words[1]), "=r"(pack.words[2]), "=r"(pack.words[3])
               : "l"(from));
  return pack;
#else
  return LoadPack(from);
#endif
}

template <uint32_t N>
struct Width {
  static constexpr uint32_t kWidth = N;
};

// Calls f(Width, i) for this thread's columns of a row of `count`, in packs where whole rows are
// packs (so every row begins at a multiple of one).
template <uint32_t kPack, typename F>
DURE_DEVICE void ForColumns(uint32_t thread, uint32_t threads, uint32_t count, F f) {
  if (count % kPack == 0) {
    for (uint32_t i = thread * kPack; i < count; i += threads * kPack) f(Width<kPack>(), i);
  } else {
    for (uint32_t i = thread; i < count; i += threads) f(Width<1>(), i);
  }
}

// Elements of T in 16 bytes.
template <typename T>
inline constexpr uint32_t kPackOf = 16 / sizeof(T);

// A thread's part of a matrix of 16 rows that its warp holds in registers, as tensor cores lay it
// out (PTX, mma.m16n8k16): element e of lane l is at (RowOf, ColumnOf).
template <uint32_t kColumns>
struct WarpTile {
  static constexpr uint32_t kEach = kColumns / 2;
  static DURE_HOST_DEVICE uint32_t RowOf(uint32_t lane, uint32_t e) {
    return lane / 4 + e / 2 % 2 * 8;
  }
  static DURE_HOST_DEVICE uint32_t ColumnOf(uint32_t lane, uint32_t e) {
    return e / 4 * 8 + lane % 4 * 2 + e % 2;
  }
  float values[kEach];
};

struct Grid {
  uint32_t x = 1;
  uint32_t y = 1;
};
DURE_HOST_DEVICE uint32_t CeilDiv(uint64_t a, uint32_t b) {
  return static_cast<uint32_t>((a + b - 1) / b);
}

// What kernels over a.count elements have in common: a block's threads take kPerThread each,
// neighbours next to each other.
template <uint32_t kPerThread>
struct Elementwise {
  static constexpr uint32_t kThreads = 256;
  static constexpr uint32_t kEach = kThreads * kPerThread;
  template <typename Args>
  static Grid GridOf(const Args& a) {
    return {CeilDiv(a.count, kEach)};
  }
  template <typename Args>
  static uint32_t SharedBytes(const Args&) {
    return 0;
  }

  // f(i) for each element of the block: what a kernel ends with.
  template <typename Block, typename F>
  static DURE_DEVICE void ForElements(Block& block, uint64_t count, F f) {
    block.Last([&](uint32_t thread) {
      const uint64_t begin = uint64_t{block.x} * kEach;
      for (uint64_t i = begin + thread; i < begin + kEach && i < count; i += kThreads) f(i);
    });
  }
};

}  // namespace dure::model::cuda
