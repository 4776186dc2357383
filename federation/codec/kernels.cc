#include "federation/codec/kernels.h"

#include <bit>
#include <cstring>

// Compiled with -O3 -fno-math-errno -fno-trapping-math -ffp-contract=off (see CMakeLists.txt):
// without the first three the rounding loop is not vectorised and runs at a third of the speed; the
// last keeps every compiler's bits equal.

namespace dure::codec {
namespace {

static_assert(std::endian::native == std::endian::little, "planes and lanes are little-endian");

// Inlined into one caller per instruction set, so that each is compiled with the vectors of its
// caller.
#define DURE_LOOP [[gnu::always_inline]] inline

DURE_LOOP uint32_t MagnitudeBits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits & 0x7fffffffU;
}

DURE_LOOP uint32_t Update(size_t count, const float* __restrict base,
                          const float* __restrict trained, const float* residual, float* u) {
  uint32_t most = 0;
  if (residual == nullptr) {
    for (size_t i = 0; i < count; ++i) u[i] = base[i] - trained[i];
  } else {
    for (size_t i = 0; i < count; ++i) u[i] = residual[i] + (base[i] - trained[i]);
  }
  for (size_t i = 0; i < count; ++i) {
    const uint32_t bits = MagnitudeBits(u[i]);
    most = bits > most ? bits : most;
  }
  return most;
}

// 24 random bits of parameter `index` of a block: two multiply-xorshift rounds over a keyed
// counter.
DURE_LOOP int32_t Chance24(uint32_t index, const uint32_t key[2]) {
  uint32_t x = key[0] + index * 0x9e3779b9U;
  x = (x ^ (x >> 16)) * 0x7feb352dU;
  x = (x ^ (x >> 15)) * 0x846ca68bU;
  x = (x ^ (x >> 16)) ^ key[1];
  return static_cast<int32_t>(x >> 8);
}

// The fraction above the floor is exact in fp32, so a lane rounds up with exactly that probability
// (to 2^-24).
template <typename Lane, int kMax>
DURE_LOOP uint32_t Round(size_t count, const float* __restrict u, const RoundScale& scale,
                         Lane* __restrict lanes, float* __restrict residual) {
  constexpr float kMost = static_cast<float>(kMax);
  const float most = scale.most < kMost ? scale.most : kMost;
  const float to_lane = scale.to_lane;
  const float to_value = scale.to_value;
  const uint32_t key[2] = {scale.key[0], scale.key[1]};
  uint32_t saturated = 0;
  for (size_t i = 0; i < count; ++i) {
    const float wished = u[i] * to_lane;
    float x = wished < most ? wished : most;
    x = x > -most ? x : -most;
    saturated += static_cast<uint32_t>(x != wished);
    int32_t floor = static_cast<int32_t>(x);
    floor -= static_cast<int32_t>(x < static_cast<float>(floor));
    const int32_t fraction = static_cast<int32_t>((x - static_cast<float>(floor)) * 16777216.0F);
    const int32_t lane =
        floor + static_cast<int32_t>(Chance24(static_cast<uint32_t>(i), key) < fraction);
    lanes[i] = static_cast<Lane>(lane);
    residual[i] = u[i] - static_cast<float>(lane) * to_value;
  }
  return saturated;
}

template <typename Lane>
DURE_LOOP int32_t Least(size_t count, const Lane* lanes) {
  Lane least = 0;
  for (size_t i = 0; i < count; ++i) least = lanes[i] < least ? lanes[i] : least;
  return least;
}

DURE_LOOP void Fold4(size_t count, const int8_t* __restrict lanes, uint8_t* __restrict packed) {
  const size_t stride = (count + 1) / 2;
  const size_t pairs = count / 2;
  for (size_t k = 0; k < pairs; ++k) {
    const unsigned low = static_cast<uint8_t>(lanes[k]) & 0x0fU;
    const unsigned high = static_cast<uint8_t>(lanes[k + stride]);
    packed[k] = static_cast<uint8_t>(low | high << 4);
  }
  if (stride > pairs) packed[pairs] = static_cast<uint8_t>(lanes[pairs] & 0x0f);
}

DURE_LOOP int32_t Unfold4(size_t count, const uint8_t* __restrict packed,
                          int8_t* __restrict lanes) {
  const size_t stride = (count + 1) / 2;
  for (size_t k = 0; k < stride; ++k) {
    lanes[k] = static_cast<int8_t>(static_cast<int>((packed[k] & 0x0fU) ^ 8U) - 8);
  }
  for (size_t k = 0; k < count / 2; ++k) {
    lanes[k + stride] = static_cast<int8_t>(static_cast<int>((packed[k] >> 4U) ^ 8U) - 8);
  }
  return Least(count, lanes);
}

template <typename T>
DURE_LOOP T Smaller(T a, T b) {
  return a < b ? a : b;
}

// Four sites at a time: the sums then pass through the first-level cache once for four reads.
template <typename Lane, typename Total>
DURE_LOOP int32_t Sum(size_t count, const Lane* const* lanes, size_t sites, size_t first,
                      Total* __restrict sums) {
  Lane least = 0;
  size_t site = 0;
  for (; site + 4 <= sites; site += 4) {
    const Lane* __restrict a = lanes[site] + first;
    const Lane* __restrict b = lanes[site + 1] + first;
    const Lane* __restrict c = lanes[site + 2] + first;
    const Lane* __restrict d = lanes[site + 3] + first;
    const Total keep = site == 0 ? 0 : -1;  // the first four overwrite what stood there
    for (size_t i = 0; i < count; ++i) {
      const Total four =
          static_cast<Total>(static_cast<Total>(a[i] + b[i]) + static_cast<Total>(c[i] + d[i]));
      sums[i] = static_cast<Total>((sums[i] & keep) + four);
      least = Smaller(least, Smaller(Smaller(a[i], b[i]), Smaller(c[i], d[i])));
    }
  }
  for (; site < sites; ++site) {
    const Lane* __restrict a = lanes[site] + first;
    const Total keep = site == 0 ? 0 : -1;
    for (size_t i = 0; i < count; ++i) {
      sums[i] = static_cast<Total>((sums[i] & keep) + a[i]);
      least = Smaller(least, a[i]);
    }
  }
  return least;
}

DURE_LOOP size_t HighBytes(size_t count, int bits) {
  return (count * static_cast<size_t>(bits) + 7) / 8;
}

template <int kBits, typename Low, typename Total>
DURE_LOOP void PackHigh(size_t count, const Total* __restrict sums, uint8_t* __restrict high) {
  constexpr int kShift = 8 * sizeof(Low);
  constexpr Total kMask = static_cast<Total>((1 << kBits) - 1);
  const size_t stride = HighBytes(count, kBits);
  for (size_t k = 0; k < stride; ++k) {
    Total byte = 0;
    for (int part = 0; part < 8 / kBits; ++part) {
      const Total piece =
          static_cast<Total>(sums[k + static_cast<size_t>(part) * stride] >> kShift);
      byte = static_cast<Total>(byte | ((piece & kMask) << (part * kBits)));
    }
    high[k] = static_cast<uint8_t>(byte);
  }
}

template <typename Low, typename Total>
DURE_LOOP uint64_t Pack(size_t count, const Total* __restrict sums, int high_bits,
                        Low* __restrict low, uint8_t* __restrict high) {
  for (size_t i = 0; i < count; ++i) low[i] = static_cast<Low>(sums[i]);
  if (high_bits == 1) PackHigh<1, Low>(count, sums, high);
  if (high_bits == 2) PackHigh<2, Low>(count, sums, high);
  if (high_bits == 4) PackHigh<4, Low>(count, sums, high);
  if (high_bits == 8) PackHigh<8, Low>(count, sums, high);
  // High bits up to four mean at most 16 sites of int8: 1024 squares of up to 2032 stay below 2^32.
  if (sizeof(Low) == 1 && high_bits <= 4) {
    uint32_t squares = 0;
    for (size_t i = 0; i < count; ++i) {
      const int32_t sum = sums[i];
      squares += static_cast<uint32_t>(sum * sum);
    }
    return squares;
  }
  uint64_t squares = 0;
  for (size_t i = 0; i < count; ++i) {
    const int64_t sum = sums[i];
    squares += static_cast<uint64_t>(sum * sum);
  }
  return squares;
}

template <int kBits, typename Low>
DURE_LOOP void UnpackBits(size_t count, const Low* __restrict low, const uint8_t* __restrict high,
                          int32_t* __restrict sums) {
  constexpr int kShift = 8 * sizeof(Low);
  constexpr int kUnused = 32 - kShift - kBits;  // shifted out and back, they extend the sign
  constexpr uint32_t kMask = (1U << kBits) - 1;
  const size_t stride = HighBytes(count, kBits);
  for (int part = 0; part < 8 / kBits; ++part) {
    const size_t begin = static_cast<size_t>(part) * stride;
    const size_t end = begin + stride < count ? begin + stride : count;
    for (size_t i = begin; i < end; ++i) {
      const uint32_t top = (static_cast<uint32_t>(high[i - begin]) >> (part * kBits)) & kMask;
      const uint32_t word = (top << kShift) | low[i];
      sums[i] = static_cast<int32_t>(word << kUnused) >> kUnused;
    }
  }
}

template <typename Low>
DURE_LOOP int32_t Unpack(size_t count, const Low* __restrict low, const uint8_t* __restrict high,
                         int high_bits, int32_t* __restrict sums) {
  constexpr int kUnused = 32 - 8 * static_cast<int>(sizeof(Low));
  if (high_bits == 0) {
    for (size_t i = 0; i < count; ++i) {
      sums[i] = static_cast<int32_t>(static_cast<uint32_t>(low[i]) << kUnused) >> kUnused;
    }
  }
  if (high_bits == 1) UnpackBits<1>(count, low, high, sums);
  if (high_bits == 2) UnpackBits<2>(count, low, high, sums);
  if (high_bits == 4) UnpackBits<4>(count, low, high, sums);
  if (high_bits == 8) UnpackBits<8>(count, low, high, sums);
  int32_t most = 0;
  for (size_t i = 0; i < count; ++i) {
    const int32_t magnitude = sums[i] < 0 ? -sums[i] : sums[i];
    most = magnitude > most ? magnitude : most;
  }
  return most;
}

DURE_LOOP uint64_t Squares(size_t count, const int32_t* sums) {
  uint64_t squares = 0;
  for (size_t i = 0; i < count; ++i) {
    const int64_t sum = sums[i];
    squares += static_cast<uint64_t>(sum * sum);
  }
  return squares;
}

DURE_LOOP void Means(size_t count, const int32_t* __restrict sums, double unit,
                     double* __restrict means) {
  for (size_t i = 0; i < count; ++i) means[i] = static_cast<double>(sums[i]) * unit;
}

template <bool kReadMomentum, bool kKeepMomentum>
DURE_LOOP uint32_t OuterLoop(size_t count, const double* __restrict means, const OuterScale& scale,
                             const OuterBlock& block) {
  const float* __restrict base = block.base;
  const float* __restrict momentum = block.momentum;
  float* __restrict model = block.model;
  float* __restrict momentum_out = block.momentum_out;
  const double eta = scale.eta;
  const double mu = scale.mu;
  uint32_t most = 0;
  for (size_t i = 0; i < count; ++i) {
    const double mean = means[i];
    double direction = mean;
    if constexpr (kKeepMomentum) {
      const double before = kReadMomentum ? mu * static_cast<double>(momentum[i]) : 0.0;
      const float velocity = static_cast<float>(before + mean);
      momentum_out[i] = velocity;
      direction = mean + mu * static_cast<double>(velocity);
      const uint32_t bits = MagnitudeBits(velocity);
      most = bits > most ? bits : most;
    }
    const float next = static_cast<float>(static_cast<double>(base[i]) - eta * direction);
    model[i] = next;
    const uint32_t bits = MagnitudeBits(next);
    most = bits > most ? bits : most;
  }
  return most;
}

DURE_LOOP uint32_t Outer(size_t count, const double* means, const OuterScale& scale,
                         const OuterBlock& block) {
  if (block.momentum_out == nullptr) return OuterLoop<false, false>(count, means, scale, block);
  if (block.momentum == nullptr) return OuterLoop<false, true>(count, means, scale, block);
  return OuterLoop<true, true>(count, means, scale, block);
}

// A whole block's length is a constant to the compiler: no remainder loops.
#define DURE_BLOCKWISE(call_with_count) \
  if (count == kBlock) {                \
    constexpr size_t n = kBlock;        \
    return call_with_count;             \
  }                                     \
  const size_t n = count;               \
  return call_with_count

#define DURE_KERNELS_FOR(LEVEL, ATTRIBUTE)                                                       \
  namespace LEVEL {                                                                              \
  ATTRIBUTE uint32_t DoUpdate(size_t count, const float* b, const float* t, const float* e,      \
                              float* u) {                                                        \
    DURE_BLOCKWISE(Update(n, b, t, e, u));                                                       \
  }                                                                                              \
  ATTRIBUTE uint32_t DoRound8(size_t count, const float* u, const RoundScale& s, int8_t* q,      \
                              float* e) {                                                        \
    DURE_BLOCKWISE((Round<int8_t, 127>(n, u, s, q, e)));                                         \
  }                                                                                              \
  ATTRIBUTE uint32_t DoRound16(size_t count, const float* u, const RoundScale& s, int16_t* q,    \
                               float* e) {                                                       \
    DURE_BLOCKWISE((Round<int16_t, 32767>(n, u, s, q, e)));                                      \
  }                                                                                              \
  ATTRIBUTE uint32_t DoRound4(size_t count, const float* u, const RoundScale& s, int8_t* q,      \
                              float* e) {                                                        \
    DURE_BLOCKWISE((Round<int8_t, 7>(n, u, s, q, e)));                                           \
  }                                                                                              \
  ATTRIBUTE void DoFold4(size_t count, const int8_t* q, uint8_t* p) {                            \
    DURE_BLOCKWISE(Fold4(n, q, p));                                                              \
  }                                                                                              \
  ATTRIBUTE int32_t DoUnfold4(size_t count, const uint8_t* p, int8_t* q) {                       \
    DURE_BLOCKWISE(Unfold4(n, p, q));                                                            \
  }                                                                                              \
  ATTRIBUTE int32_t DoSum8(size_t count, const int8_t* const* q, size_t sites, size_t first,     \
                           int16_t* sums) {                                                      \
    DURE_BLOCKWISE(Sum(n, q, sites, first, sums));                                               \
  }                                                                                              \
  ATTRIBUTE int32_t DoSum16(size_t count, const int16_t* const* q, size_t sites, size_t first,   \
                            int32_t* sums) {                                                     \
    DURE_BLOCKWISE(Sum(n, q, sites, first, sums));                                               \
  }                                                                                              \
  ATTRIBUTE uint64_t DoPack8(size_t count, const int16_t* sums, int bits, uint8_t* low,          \
                             uint8_t* high) {                                                    \
    DURE_BLOCKWISE(Pack(n, sums, bits, low, high));                                              \
  }                                                                                              \
  ATTRIBUTE uint64_t DoPack16(size_t count, const int32_t* sums, int bits, uint16_t* low,        \
                              uint8_t* high) {                                                   \
    DURE_BLOCKWISE(Pack(n, sums, bits, low, high));                                              \
  }                                                                                              \
  ATTRIBUTE int32_t DoUnpack8(size_t count, const uint8_t* low, const uint8_t* high, int bits,   \
                              int32_t* sums) {                                                   \
    DURE_BLOCKWISE(Unpack(n, low, high, bits, sums));                                            \
  }                                                                                              \
  ATTRIBUTE int32_t DoUnpack16(size_t count, const uint16_t* low, const uint8_t* high, int bits, \
                               int32_t* sums) {                                                  \
    DURE_BLOCKWISE(Unpack(n, low, high, bits, sums));                                            \
  }                                                                                              \
  ATTRIBUTE uint64_t DoSquares(size_t count, const int32_t* sums) {                              \
    DURE_BLOCKWISE(Squares(n, sums));                                                            \
  }                                                                                              \
  ATTRIBUTE void DoMeans(size_t count, const int32_t* sums, double unit, double* means) {        \
    DURE_BLOCKWISE(Means(n, sums, unit, means));                                                 \
  }                                                                                              \
  ATTRIBUTE uint32_t DoOuter(size_t count, const double* means, const OuterScale& scale,         \
                             const OuterBlock& block) {                                          \
    DURE_BLOCKWISE(Outer(n, means, scale, block));                                               \
  }                                                                                              \
  ATTRIBUTE int32_t DoLeast8(size_t count, const int8_t* q) { DURE_BLOCKWISE(Least(n, q)); }     \
  ATTRIBUTE int32_t DoLeast16(size_t count, const int16_t* q) { DURE_BLOCKWISE(Least(n, q)); }   \
  constexpr Kernels kTable = {DoUpdate, DoRound8, DoRound16, DoRound4,   DoSum8,    DoSum16,     \
                              DoPack8,  DoPack16, DoUnpack8, DoUnpack16, DoSquares, DoMeans,     \
                              DoOuter,  DoFold4,  DoUnfold4, DoLeast8,   DoLeast16};             \
  }

DURE_KERNELS_FOR(plain, )
#if defined(__x86_64__)
DURE_KERNELS_FOR(avx2, __attribute__((target("avx2"))))
DURE_KERNELS_FOR(avx512, __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq"))))
#endif

constexpr uint64_t Mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

}  // namespace

VectorLevel BestLevel() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
    return VectorLevel::kAvx512;
  }
  if (__builtin_cpu_supports("avx2")) return VectorLevel::kAvx2;
#endif
  return VectorLevel::kPlain;
}

const Kernels& KernelsAt(VectorLevel level) {
#if defined(__x86_64__)
  if (level == VectorLevel::kAvx512) return avx512::kTable;
  if (level == VectorLevel::kAvx2) return avx2::kTable;
#endif
  (void)level;
  return plain::kTable;
}

const Kernels& BestKernels() {
  static const Kernels& best = KernelsAt(BestLevel());
  return best;
}

void RoundingKey(uint64_t seed, uint64_t block, uint32_t key[2]) {
  const uint64_t mixed = Mix(Mix(seed + 0x9e3779b97f4a7c15U) + block * 0x9e3779b97f4a7c15U);
  key[0] = static_cast<uint32_t>(mixed);
  key[1] = static_cast<uint32_t>(mixed >> 32);
}

}  // namespace dure::codec
