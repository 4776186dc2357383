#include "federation/masking/keystream.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#include "federation/check.h"
#endif

// Each function names the instructions it may use: the rest of the program, and any build that is
// shipped, stays at the baseline, and a processor is asked for what it has and not for its model.

namespace dure::masking::engines {

#if defined(__x86_64__)

namespace {

#define DURE_AESNI [[gnu::target("aes,sse4.1")]]
#define DURE_VAES [[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,aes,vaes")]]

constexpr size_t kRounds = 14;
constexpr size_t kInFlight = 8;  // hides the latency of a round
// With a mask of all, since GCC 12 warns about its own plain broadcast.
constexpr __mmask16 kAll = 0xffff;

DURE_AESNI inline __m128i Spread(__m128i key, __m128i assist) {
  key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
  key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
  key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
  return _mm_xor_si128(key, assist);
}

// Round keys 2n and 2n+1 of FIPS 197 from the two before them.
template <int kConstant>
DURE_AESNI inline void NextPair(__m128i& even, __m128i& odd, uint8_t* to) {
  even = Spread(even, _mm_shuffle_epi32(_mm_aeskeygenassist_si128(odd, kConstant), 0xff));
  odd = Spread(odd, _mm_shuffle_epi32(_mm_aeskeygenassist_si128(even, 0), 0xaa));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), even);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 16), odd);
}

template <int kWord, bool kAdd>
DURE_AESNI inline __m128i Combine128(__m128i words, __m128i mask) {
  if constexpr (kWord == 1) {
    return kAdd ? _mm_add_epi8(words, mask) : _mm_sub_epi8(words, mask);
  } else if constexpr (kWord == 2) {
    return kAdd ? _mm_add_epi16(words, mask) : _mm_sub_epi16(words, mask);
  } else if constexpr (kWord == 4) {
    return kAdd ? _mm_add_epi32(words, mask) : _mm_sub_epi32(words, mask);
  } else {
    return kAdd ? _mm_add_epi64(words, mask) : _mm_sub_epi64(words, mask);
  }
}

template <int kWord, bool kAdd>
DURE_VAES inline __m512i Combine512(__m512i words, __m512i mask) {
  if constexpr (kWord == 1) {
    return kAdd ? _mm512_add_epi8(words, mask) : _mm512_sub_epi8(words, mask);
  } else if constexpr (kWord == 2) {
    return kAdd ? _mm512_add_epi16(words, mask) : _mm512_sub_epi16(words, mask);
  } else if constexpr (kWord == 4) {
    return kAdd ? _mm512_add_epi32(words, mask) : _mm512_sub_epi32(words, mask);
  } else {
    return kAdd ? _mm512_add_epi64(words, mask) : _mm512_sub_epi64(words, mask);
  }
}

int64_t NonceOf(const Stretch& stretch) {
  int64_t nonce;
  __builtin_memcpy(&nonce, stretch.nonce, sizeof nonce);
  return nonce;
}

template <size_t kCount, int kWord, bool kAdd>
DURE_AESNI inline void Blocks128(const __m128i* keys, int64_t nonce, uint64_t block,
                                 uint8_t* words) {
  __m128i state[kCount];
  for (size_t i = 0; i < kCount; ++i) {
    const auto counter = static_cast<int64_t>(__builtin_bswap64(block + i));
    state[i] = _mm_xor_si128(_mm_set_epi64x(counter, nonce), keys[0]);
  }
  for (size_t round = 1; round < kRounds; ++round) {
    for (size_t i = 0; i < kCount; ++i) state[i] = _mm_aesenc_si128(state[i], keys[round]);
  }
  for (size_t i = 0; i < kCount; ++i) {
    auto* const at = reinterpret_cast<__m128i*>(words + 16 * i);
    const __m128i mask = _mm_aesenclast_si128(state[i], keys[kRounds]);
    _mm_storeu_si128(at, Combine128<kWord, kAdd>(_mm_loadu_si128(at), mask));
  }
}

template <int kWord, bool kAdd>
DURE_AESNI void Run128(const Stretch& stretch) {
  const auto* const from = reinterpret_cast<const __m128i*>(stretch.round_keys);
  __m128i keys[kRounds + 1];
  for (size_t i = 0; i <= kRounds; ++i) keys[i] = _mm_loadu_si128(from + i);
  const int64_t nonce = NonceOf(stretch);
  size_t done = 0;
  for (; done + kInFlight <= stretch.blocks; done += kInFlight) {
    Blocks128<kInFlight, kWord, kAdd>(keys, nonce, stretch.block + done, stretch.words + 16 * done);
  }
  for (; done < stretch.blocks; ++done) {
    Blocks128<1, kWord, kAdd>(keys, nonce, stretch.block + done, stretch.words + 16 * done);
  }
}

template <int kWord, bool kAdd>
DURE_VAES size_t Run512(const Stretch& stretch) {
  constexpr size_t kGroup = 4 * kInFlight;
  __m512i keys[kRounds + 1];
  for (size_t i = 0; i <= kRounds; ++i) {
    keys[i] = _mm512_maskz_broadcast_i32x4(
        kAll, _mm_loadu_si128(reinterpret_cast<const __m128i*>(stretch.round_keys) + i));
  }
  // Only the counter's half of each block is turned around.
  const __m512i big_endian = _mm512_maskz_broadcast_i32x4(
      kAll, _mm_set_epi8(8, 9, 10, 11, 12, 13, 14, 15, 7, 6, 5, 4, 3, 2, 1, 0));
  const int64_t nonce = NonceOf(stretch);
  const auto first = static_cast<int64_t>(stretch.block);
  __m512i counter =
      _mm512_set_epi64(first + 3, nonce, first + 2, nonce, first + 1, nonce, first, nonce);
  const __m512i step = _mm512_set_epi64(4, 0, 4, 0, 4, 0, 4, 0);
  size_t done = 0;
  for (; done + kGroup <= stretch.blocks; done += kGroup) {
    __m512i state[kInFlight];
#pragma GCC unroll 8
    for (size_t i = 0; i < kInFlight; ++i) {
      state[i] = _mm512_xor_si512(_mm512_shuffle_epi8(counter, big_endian), keys[0]);
      counter = _mm512_add_epi64(counter, step);
    }
#pragma GCC unroll 13
    for (size_t round = 1; round < kRounds; ++round) {
#pragma GCC unroll 8
      for (size_t i = 0; i < kInFlight; ++i) {
        state[i] = _mm512_aesenc_epi128(state[i], keys[round]);
      }
    }
#pragma GCC unroll 8
    for (size_t i = 0; i < kInFlight; ++i) {
      uint8_t* const at = stretch.words + 16 * done + 64 * i;
      const __m512i mask = _mm512_aesenclast_epi128(state[i], keys[kRounds]);
      _mm512_storeu_si512(at, Combine512<kWord, kAdd>(_mm512_loadu_si512(at), mask));
    }
  }
  return done;
}

}  // namespace

bool HasAesNi() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("aes") && __builtin_cpu_supports("sse4.1");
}

namespace {

bool AskForVaes() {
  // Leaf 7, bit 9 of ECX: clang 14 knows no name for it.
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (c >> 9 & 1) == 0) return false;
  __builtin_cpu_init();
  return HasAesNi() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

}  // namespace

// Asked once: in a virtual machine the host answers CPUID, and takes longer than a short mask.
bool HasVaes() {
  static const bool has = AskForVaes();
  return has;
}

DURE_AESNI void ExpandKey(const uint8_t* key32, uint8_t* round_keys) {
  __m128i even = _mm_loadu_si128(reinterpret_cast<const __m128i*>(key32));
  __m128i odd = _mm_loadu_si128(reinterpret_cast<const __m128i*>(key32 + 16));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(round_keys), even);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(round_keys + 16), odd);
  NextPair<0x01>(even, odd, round_keys + 32);
  NextPair<0x02>(even, odd, round_keys + 64);
  NextPair<0x04>(even, odd, round_keys + 96);
  NextPair<0x08>(even, odd, round_keys + 128);
  NextPair<0x10>(even, odd, round_keys + 160);
  NextPair<0x20>(even, odd, round_keys + 192);
  even = Spread(even, _mm_shuffle_epi32(_mm_aeskeygenassist_si128(odd, 0x40), 0xff));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(round_keys + 224), even);
}

void ApplyAesNi(Direction direction, WordBytes width, const Stretch& stretch) {
  const bool add = direction == Direction::kAdd;
  switch (width) {
    case WordBytes::k1:
      return add ? Run128<1, true>(stretch) : Run128<1, false>(stretch);
    case WordBytes::k2:
      return add ? Run128<2, true>(stretch) : Run128<2, false>(stretch);
    case WordBytes::k4:
      return add ? Run128<4, true>(stretch) : Run128<4, false>(stretch);
    case WordBytes::k8:
      return add ? Run128<8, true>(stretch) : Run128<8, false>(stretch);
  }
}

size_t ApplyVaes(Direction direction, WordBytes width, const Stretch& stretch) {
  const bool add = direction == Direction::kAdd;
  switch (width) {
    case WordBytes::k1:
      return add ? Run512<1, true>(stretch) : Run512<1, false>(stretch);
    case WordBytes::k2:
      return add ? Run512<2, true>(stretch) : Run512<2, false>(stretch);
    case WordBytes::k4:
      return add ? Run512<4, true>(stretch) : Run512<4, false>(stretch);
    case WordBytes::k8:
      return add ? Run512<8, true>(stretch) : Run512<8, false>(stretch);
  }
  return 0;
}

#else

bool HasAesNi() { return false; }
bool HasVaes() { return false; }
void ExpandKey(const uint8_t*, uint8_t*) {}
void ApplyAesNi(Direction, WordBytes, const Stretch&) {}
size_t ApplyVaes(Direction, WordBytes, const Stretch&) { return 0; }

#endif

}  // namespace dure::masking::engines
