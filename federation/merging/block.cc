#include "federation/merging/block.h"

#include <algorithm>
#include <cstring>

// Compiled with -O3 and -ffp-contract=off, as federation/codec/kernels.cc.

namespace dure::merging {
namespace {

// Inlined into one caller per instruction set, so that each is compiled with the vectors of its
// caller.
#define DURE_LOOP [[gnu::always_inline]] inline

// Columns exchanged at a time: so many of every row stay in the first-level cache.
constexpr size_t kStrip = 128;

template <typename Lane>
DURE_LOOP int32_t Load(size_t count, const Lane* __restrict lanes, int16_t* __restrict row) {
  Lane least = 0;
  for (size_t i = 0; i < count; ++i) {
    row[i] = lanes[i];
    least = lanes[i] < least ? lanes[i] : least;
  }
  return least;
}

// 1024 products of at most 127 * 127 fit 32 bits.
DURE_LOOP int64_t Product8(size_t count, const int16_t* __restrict a, const int16_t* b) {
  int32_t sum = 0;
  for (size_t i = 0; i < count; ++i) sum += static_cast<int32_t>(a[i]) * b[i];
  return sum;
}

DURE_LOOP int64_t Product16(size_t count, const int16_t* __restrict a, const int16_t* b) {
  int64_t sum = 0;
  for (size_t i = 0; i < count; ++i) sum += static_cast<int32_t>(a[i]) * b[i];
  return sum;
}

DURE_LOOP void ExchangeStrip(size_t count, int16_t* __restrict low, int16_t* __restrict high) {
  for (size_t i = 0; i < count; ++i) {
    const int16_t a = low[i];
    const int16_t b = high[i];
    low[i] = a < b ? a : b;
    high[i] = a < b ? b : a;
  }
}

DURE_LOOP void ExchangeAll(size_t count, std::span<const Exchange> network, int16_t* rows) {
  for (size_t at = 0; at < count; at += kStrip) {
    const size_t strip = count - at < kStrip ? count - at : kStrip;
    for (const Exchange& one : network) {
      ExchangeStrip(strip, rows + one.low * kBlock + at, rows + one.high * kBlock + at);
    }
  }
}

DURE_LOOP void Add(size_t count, const int16_t* __restrict row, double times,
                   double* __restrict sums) {
  for (size_t i = 0; i < count; ++i) sums[i] += times * static_cast<double>(row[i]);
}

// Adding and taking away 1.5 * 2^52 rounds any smaller number to an integer, halves to even.
template <typename Sum>
DURE_LOOP void Finish(size_t count, const double* __restrict sums, double divisor, double most,
                      Sum* __restrict out) {
  constexpr double kRound = 6755399441055744.0;
  for (size_t i = 0; i < count; ++i) {
    const double rounded = (sums[i] / divisor + kRound) - kRound;
    const double below = rounded < most ? rounded : most;
    const double within = below > -most ? below : -most;
    out[i] = static_cast<Sum>(static_cast<int32_t>(within));
  }
}

// A whole block's length is a constant to the compiler: no remainder loops.
#define DURE_BLOCKWISE(call_with_count) \
  if (count == kBlock) {                \
    constexpr size_t n = kBlock;        \
    return call_with_count;             \
  }                                     \
  const size_t n = count;               \
  return call_with_count

#define DURE_BLOCK_KERNELS_FOR(LEVEL, ATTRIBUTE)                                              \
  namespace LEVEL {                                                                           \
  ATTRIBUTE int32_t DoWiden8(size_t count, const int8_t* q, int16_t* row) {                   \
    DURE_BLOCKWISE(Load(n, q, row));                                                          \
  }                                                                                           \
  ATTRIBUTE int32_t DoCopy16(size_t count, const int16_t* q, int16_t* row) {                  \
    DURE_BLOCKWISE(Load(n, q, row));                                                          \
  }                                                                                           \
  ATTRIBUTE int64_t DoProduct8(size_t count, const int16_t* a, const int16_t* b) {            \
    DURE_BLOCKWISE(Product8(n, a, b));                                                        \
  }                                                                                           \
  ATTRIBUTE int64_t DoProduct16(size_t count, const int16_t* a, const int16_t* b) {           \
    DURE_BLOCKWISE(Product16(n, a, b));                                                       \
  }                                                                                           \
  ATTRIBUTE void DoExchange(size_t count, std::span<const Exchange> network, int16_t* rows) { \
    DURE_BLOCKWISE(ExchangeAll(n, network, rows));                                            \
  }                                                                                           \
  ATTRIBUTE void DoAdd(size_t count, const int16_t* row, double times, double* sums) {        \
    DURE_BLOCKWISE(Add(n, row, times, sums));                                                 \
  }                                                                                           \
  ATTRIBUTE void DoFinish8(size_t count, const double* sums, double divisor, double most,     \
                           int16_t* out) {                                                    \
    DURE_BLOCKWISE(Finish(n, sums, divisor, most, out));                                      \
  }                                                                                           \
  ATTRIBUTE void DoFinish16(size_t count, const double* sums, double divisor, double most,    \
                            int32_t* out) {                                                   \
    DURE_BLOCKWISE(Finish(n, sums, divisor, most, out));                                      \
  }                                                                                           \
  constexpr BlockKernels kTable = {DoWiden8,   DoCopy16, DoProduct8, DoProduct16,             \
                                   DoExchange, DoAdd,    DoFinish8,  DoFinish16};             \
  }

DURE_BLOCK_KERNELS_FOR(plain, )
#if defined(__x86_64__)
DURE_BLOCK_KERNELS_FOR(avx2, __attribute__((target("avx2"))))
DURE_BLOCK_KERNELS_FOR(avx512, __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq"))))
#endif

}  // namespace

const BlockKernels& BlockKernelsAt(codec::VectorLevel level) {
#if defined(__x86_64__)
  if (level == codec::VectorLevel::kAvx512) return avx512::kTable;
  if (level == codec::VectorLevel::kAvx2) return avx2::kTable;
#endif
  (void)level;
  return plain::kTable;
}

const BlockKernels& BestBlockKernels() {
  static const BlockKernels& best = BlockKernelsAt(codec::BestLevel());
  return best;
}

}  // namespace dure::merging
