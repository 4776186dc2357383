#include "federation/codec/wide_hash.h"

#include <algorithm>

#include "federation/check.h"
#include "federation/codec/sha256_words.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace dure::codec {
namespace {

constexpr size_t kWideBlockBytes = 64;

#if defined(__x86_64__)

#define DURE_WIDE \
  [[gnu::always_inline]] __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq"))) inline

// Sixteen rows of sixteen words become sixteen columns.
DURE_WIDE void Transpose(__m512i (&rows)[16]) {
  __m512i t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    rows[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    rows[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    rows[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    rows[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_i32x4(rows[i], rows[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(rows[i], rows[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_i32x4(rows[i + 8], rows[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(rows[i + 8], rows[i + 12], 0xdd);
  }
  for (int i = 0; i < 4; ++i) {
    rows[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    rows[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
    rows[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
    rows[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
  }
}

constexpr int kXor = 0x96;       // of three
constexpr int kChoose = 0xca;    // the first chooses between the others
constexpr int kMajority = 0xe8;  // of three

// FIPS 180-4, section 6.2.2: one round on the working variables a to h.
DURE_WIDE void WideRound(__m512i (&v)[8], __m512i word, uint32_t constant) {
  const __m512i e = v[4], a = v[0];
  const __m512i sum1 = _mm512_ternarylogic_epi32(_mm512_ror_epi32(e, 6), _mm512_ror_epi32(e, 11),
                                                 _mm512_ror_epi32(e, 25), kXor);
  const __m512i choice = _mm512_ternarylogic_epi32(e, v[5], v[6], kChoose);
  __m512i one = _mm512_add_epi32(v[7], _mm512_set1_epi32(static_cast<int>(constant)));
  one = _mm512_add_epi32(_mm512_add_epi32(one, word), _mm512_add_epi32(sum1, choice));
  const __m512i sum0 = _mm512_ternarylogic_epi32(_mm512_ror_epi32(a, 2), _mm512_ror_epi32(a, 13),
                                                 _mm512_ror_epi32(a, 22), kXor);
  const __m512i majority = _mm512_ternarylogic_epi32(a, v[1], v[2], kMajority);
  v[7] = v[6];
  v[6] = v[5];
  v[5] = e;
  v[4] = _mm512_add_epi32(v[3], one);
  v[3] = v[2];
  v[2] = v[1];
  v[1] = a;
  v[0] = _mm512_add_epi32(one, _mm512_add_epi32(sum0, majority));
}

// The schedule's word sixteen ahead of `now`.
DURE_WIDE __m512i WordAhead(__m512i now, __m512i next, __m512i nine, __m512i fourteen) {
  const __m512i low = _mm512_ternarylogic_epi32(
      _mm512_ror_epi32(next, 7), _mm512_ror_epi32(next, 18), _mm512_srli_epi32(next, 3), kXor);
  const __m512i high =
      _mm512_ternarylogic_epi32(_mm512_ror_epi32(fourteen, 17), _mm512_ror_epi32(fourteen, 19),
                                _mm512_srli_epi32(fourteen, 10), kXor);
  return _mm512_add_epi32(_mm512_add_epi32(now, low), _mm512_add_epi32(nine, high));
}

__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq"))) void WideCompress(
    uint32_t (&state)[8][WideHasher::kMessages], const WideHasher::Fronts& fronts, size_t blocks) {
  const __m512i big_endian =
      _mm512_broadcast_i32x4(_mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL));
  __m512i before[8];
  for (int i = 0; i < 8; ++i) before[i] = _mm512_load_si512(state[i]);
  for (size_t block = 0; block < blocks; ++block) {
    __m512i words[16];
    for (size_t i = 0; i < 16; ++i) {
      const __m512i row = _mm512_loadu_si512(fronts[i] + block * kWideBlockBytes);
      words[i] = _mm512_shuffle_epi8(row, big_endian);
    }
    Transpose(words);
    __m512i v[8];
    for (int i = 0; i < 8; ++i) v[i] = before[i];
#pragma GCC unroll 64
    for (int i = 0; i < 64; ++i) {
      __m512i& word = words[i % 16];
      WideRound(v, word, kShaRound[i]);
      if (i < 48) {
        word = WordAhead(word, words[(i + 1) % 16], words[(i + 9) % 16], words[(i + 14) % 16]);
      }
    }
    for (int i = 0; i < 8; ++i) before[i] = _mm512_add_epi32(before[i], v[i]);
  }
  for (int i = 0; i < 8; ++i) _mm512_store_si512(state[i], before[i]);
}

bool HasWideInstructions() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

#else

bool HasWideInstructions() { return false; }
void WideCompress(uint32_t (&)[8][WideHasher::kMessages], const WideHasher::Fronts&, size_t) {
  DURE_CHECK(false, "only processors with AVX-512 come here");
}

#endif

}  // namespace

bool WideHasher::IsFast() {
  static const bool fast = HasWideInstructions();
  return fast;
}

WideHasher::WideHasher(Way way) : wide_(way == Way::kBest && IsFast()) { Start(); }

void WideHasher::Start() {
  bytes_ = 0;
  for (size_t i = 0; i < 8; ++i) std::fill_n(state_[i], kMessages, kShaInitial[i]);
}

void WideHasher::Update(const Fronts& fronts, size_t bytes) {
  DURE_CHECK(bytes % kWideBlockBytes == 0, "messages grow by whole blocks");
  if (!wide_) {
    for (size_t i = 0; i < kMessages; ++i) hashers_[i].Update(ByteView(fronts[i], bytes));
    return;
  }
  WideCompress(state_, fronts, bytes / kWideBlockBytes);
  bytes_ += bytes;
}

std::array<Digest, WideHasher::kMessages> WideHasher::Finish() {
  std::array<Digest, kMessages> digests;
  if (!wide_) {
    for (size_t i = 0; i < kMessages; ++i) digests[i] = hashers_[i].Finish();
    return digests;
  }
  // One bit, zeros, and the length in bits, big-endian: a block of its own, the same for all.
  uint8_t padding[kWideBlockBytes] = {0x80};
  const uint64_t bits = bytes_ * 8;
  for (size_t i = 0; i < 8; ++i) {
    padding[kWideBlockBytes - 8 + i] = static_cast<uint8_t>(bits >> (56 - 8 * i));
  }
  Fronts fronts;
  fronts.fill(padding);
  WideCompress(state_, fronts, 1);
  for (size_t i = 0; i < kMessages; ++i) {
    for (size_t at = 0; at < digests[i].bytes.size(); ++at) {
      digests[i].bytes[at] = static_cast<uint8_t>(state_[at / 4][i] >> (24 - 8 * (at % 4)));
    }
  }
  Start();
  return digests;
}

}  // namespace dure::codec
