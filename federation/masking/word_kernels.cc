#include "federation/masking/word_kernels.h"

#include "federation/codec/kernels.h"

// Compiled with -O3 (see CMakeLists.txt).

namespace dure::masking {
namespace {

#define DURE_LOOP [[gnu::always_inline]] inline

template <typename Lane, typename Word>
DURE_LOOP int32_t Widen(size_t count, const Lane* __restrict lanes, Word* __restrict words) {
  Lane least = 0;
  Lane most = 0;
  for (size_t i = 0; i < count; ++i) {
    least = lanes[i] < least ? lanes[i] : least;
    most = lanes[i] > most ? lanes[i] : most;
    words[i] = static_cast<Word>(static_cast<int32_t>(lanes[i]));
  }
  return most > -least ? most : -least;
}

template <typename Low, typename Word>
DURE_LOOP void AddLow(size_t count, const Low* __restrict low, Word* __restrict words) {
  for (size_t i = 0; i < count; ++i) words[i] = static_cast<Word>(words[i] + low[i]);
}

template <int kBits, typename Low, typename Word>
DURE_LOOP void AddHigh(size_t count, const uint8_t* __restrict high, Word* __restrict words) {
  constexpr unsigned kMask = (1U << kBits) - 1;
  constexpr int kShift = 8 * sizeof(Low);
  const size_t stride = (count * kBits + 7) / 8;
  for (int part = 0; part < 8 / kBits; ++part) {
    const size_t begin = static_cast<size_t>(part) * stride;
    const size_t end = begin + stride < count ? begin + stride : count;
    for (size_t i = begin; i < end; ++i) {
      const auto piece = static_cast<Word>((high[i - begin] >> (part * kBits)) & kMask);
      words[i] = static_cast<Word>(words[i] + static_cast<Word>(piece << kShift));
    }
  }
}

// No sign is extended: what is lost above the planes' bits is lost from the sum modulo 2^b too.
template <typename Low, typename Word>
DURE_LOOP void AddPlanes(size_t count, const Low* low, const uint8_t* high, int high_bits,
                         Word* words) {
  AddLow(count, low, words);
  if (high_bits == 1) AddHigh<1, Low>(count, high, words);
  if (high_bits == 2) AddHigh<2, Low>(count, high, words);
  if (high_bits == 4) AddHigh<4, Low>(count, high, words);
  if (high_bits == 8) AddHigh<8, Low>(count, high, words);
}

template <typename From, typename To>
DURE_LOOP void Convert(size_t count, const From* __restrict from, To* __restrict to) {
  for (size_t i = 0; i < count; ++i) to[i] = static_cast<To>(from[i]);
}

template <typename Word>
DURE_LOOP int32_t Extend(size_t count, const Word* __restrict words, int bits,
                         int32_t* __restrict sums) {
  const int unused = 32 - bits;
  int32_t least = 0;
  int32_t most = 0;
  for (size_t i = 0; i < count; ++i) {
    const int32_t sum = static_cast<int32_t>(static_cast<uint32_t>(words[i]) << unused) >> unused;
    sums[i] = sum;
    least = sum < least ? sum : least;
    most = sum > most ? sum : most;
  }
  return most > -least ? most : -least;
}

DURE_LOOP void Products(size_t count, const uint64_t* __restrict coefficients,
                        const int32_t* __restrict values, int64_t halves[2]) {
  int64_t low = 0;
  int64_t high = 0;
  for (size_t i = 0; i < count; ++i) {
    const int64_t value = values[i];
    low += static_cast<int64_t>(coefficients[i] & 0x3fffffffU) * value;
    high += static_cast<int64_t>(coefficients[i] >> 30) * value;
  }
  halves[0] = low;
  halves[1] = high;
}

DURE_LOOP void Reduce(size_t count, uint64_t* coefficients) {
  constexpr uint64_t kPrime = (uint64_t{1} << 61) - 1;
  for (size_t i = 0; i < count; ++i) {
    const uint64_t bits = coefficients[i] & kPrime;
    coefficients[i] = bits == kPrime ? 0 : bits;
  }
}

// A whole block's length is a constant to the compiler: no remainder loops.
#define DURE_BLOCKWISE(call_with_count) \
  if (count == codec::kBlock) {         \
    constexpr size_t n = codec::kBlock; \
    return call_with_count;             \
  }                                     \
  const size_t n = count;               \
  return call_with_count

#define DURE_WORD_KERNELS_FOR(LEVEL, ATTRIBUTE)                                                   \
  namespace LEVEL {                                                                               \
  ATTRIBUTE int32_t Widen8to8(size_t count, const int8_t* a, uint8_t* b) {                        \
    DURE_BLOCKWISE(Widen(n, a, b));                                                               \
  }                                                                                               \
  ATTRIBUTE int32_t Widen8to16(size_t count, const int8_t* a, uint16_t* b) {                      \
    DURE_BLOCKWISE(Widen(n, a, b));                                                               \
  }                                                                                               \
  ATTRIBUTE int32_t Widen16to32(size_t count, const int16_t* a, uint32_t* b) {                    \
    DURE_BLOCKWISE(Widen(n, a, b));                                                               \
  }                                                                                               \
  ATTRIBUTE void Add8to8(size_t count, const uint8_t* a, uint8_t* b) {                            \
    DURE_BLOCKWISE(AddLow(n, a, b));                                                              \
  }                                                                                               \
  ATTRIBUTE void Add8to16(size_t count, const uint8_t* a, const uint8_t* h, int k, uint16_t* b) { \
    DURE_BLOCKWISE(AddPlanes(n, a, h, k, b));                                                     \
  }                                                                                               \
  ATTRIBUTE void Add16to32(size_t count, const uint16_t* a, const uint8_t* h, int k,              \
                           uint32_t* b) {                                                         \
    DURE_BLOCKWISE(AddPlanes(n, a, h, k, b));                                                     \
  }                                                                                               \
  ATTRIBUTE void Narrow8(size_t count, const uint32_t* a, uint8_t* b) {                           \
    DURE_BLOCKWISE(Convert(n, a, b));                                                             \
  }                                                                                               \
  ATTRIBUTE void Narrow16(size_t count, const uint32_t* a, uint16_t* b) {                         \
    DURE_BLOCKWISE(Convert(n, a, b));                                                             \
  }                                                                                               \
  ATTRIBUTE int32_t Extend8(size_t count, const uint8_t* a, int k, int32_t* b) {                  \
    DURE_BLOCKWISE(Extend(n, a, k, b));                                                           \
  }                                                                                               \
  ATTRIBUTE int32_t Extend16(size_t count, const uint16_t* a, int k, int32_t* b) {                \
    DURE_BLOCKWISE(Extend(n, a, k, b));                                                           \
  }                                                                                               \
  ATTRIBUTE int32_t Extend32(size_t count, const uint32_t* a, int k, int32_t* b) {                \
    DURE_BLOCKWISE(Extend(n, a, k, b));                                                           \
  }                                                                                               \
  ATTRIBUTE void Product(size_t n, const uint64_t* a, const int32_t* b, int64_t h[2]) {           \
    Products(n, a, b, h);                                                                         \
  }                                                                                               \
  ATTRIBUTE void Reduced(size_t n, uint64_t* a) { Reduce(n, a); }                                 \
  constexpr WordKernels kTable = {Widen8to8, Widen8to16, Widen16to32, Add8to8, Add8to16,          \
                                  Add16to32, Narrow8,    Narrow16,    Extend8, Extend16,          \
                                  Extend32,  Product,    Reduced};                                \
  }

DURE_WORD_KERNELS_FOR(plain, )
#if defined(__x86_64__)
DURE_WORD_KERNELS_FOR(avx2, __attribute__((target("avx2"))))
DURE_WORD_KERNELS_FOR(avx512, __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq"))))
#endif

}  // namespace

const WordKernels& PlainWordKernels() { return plain::kTable; }

const WordKernels& BestWordKernels() {
#if defined(__x86_64__)
  static const codec::VectorLevel level = codec::BestLevel();
  if (level == codec::VectorLevel::kAvx512) return avx512::kTable;
  if (level == codec::VectorLevel::kAvx2) return avx2::kTable;
#endif
  return plain::kTable;
}

}  // namespace dure::masking
