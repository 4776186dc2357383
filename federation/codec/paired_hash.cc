#include "federation/codec/paired_hash.h"

#include <algorithm>
#include <cstring>

#include "federation/check.h"
#include "federation/codec/sha256_words.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace dure::codec {
namespace {

constexpr size_t kBlockBytes = 64;

#if defined(__x86_64__)

bool HasShaInstructions() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_SSE4_1) == 0 || (c & bit_SSSE3) == 0) {
    return false;
  }
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0;
}

// The working variables as the instructions want them: {a, b, e, f} and {c, d, g, h}, first one
// highest.
struct Working {
  __m128i abef;
  __m128i cdgh;
  __m128i words[4];  // the next sixteen words of the message schedule
};

#define DURE_SHA [[gnu::always_inline]] __attribute__((target("sha,sse4.1,ssse3"))) inline

DURE_SHA void Load(Working& w, const uint8_t* block) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
  for (int i = 0; i < 4; ++i) {
    const auto* const at = reinterpret_cast<const __m128i*>(block + 16 * i);
    w.words[i] = _mm_shuffle_epi8(_mm_loadu_si128(at), big_endian);
  }
}

// Four rounds, and the schedule's words sixteen ahead.
DURE_SHA void FourRounds(Working& w, int group) {
  const __m128i key = _mm_load_si128(reinterpret_cast<const __m128i*>(kShaRound + 4 * group));
  __m128i& now = w.words[group % 4];
  const __m128i last = w.words[(group + 3) % 4];
  __m128i sum = _mm_add_epi32(now, key);
  w.cdgh = _mm_sha256rnds2_epu32(w.cdgh, w.abef, sum);
  sum = _mm_shuffle_epi32(sum, 0x0e);
  w.abef = _mm_sha256rnds2_epu32(w.abef, w.cdgh, sum);
  if (group < 12) {
    const __m128i seven_back = _mm_alignr_epi8(last, w.words[(group + 2) % 4], 4);
    const __m128i part = _mm_sha256msg1_epu32(now, w.words[(group + 1) % 4]);
    now = _mm_sha256msg2_epu32(_mm_add_epi32(part, seven_back), last);
  }
}

DURE_SHA Working Unpack(const uint32_t (&s)[8]) {
  Working w;
  w.abef = _mm_set_epi32(static_cast<int>(s[0]), static_cast<int>(s[1]), static_cast<int>(s[4]),
                         static_cast<int>(s[5]));
  w.cdgh = _mm_set_epi32(static_cast<int>(s[2]), static_cast<int>(s[3]), static_cast<int>(s[6]),
                         static_cast<int>(s[7]));
  return w;
}

DURE_SHA void Pack(const Working& w, uint32_t (&s)[8]) {
  alignas(16) uint32_t abef[4], cdgh[4];
  _mm_store_si128(reinterpret_cast<__m128i*>(abef), w.abef);
  _mm_store_si128(reinterpret_cast<__m128i*>(cdgh), w.cdgh);
  const uint32_t packed[8] = {abef[3], abef[2], cdgh[3], cdgh[2],
                              abef[1], abef[0], cdgh[1], cdgh[0]};
  std::copy(packed, packed + 8, s);
}

__attribute__((target("sha,sse4.1,ssse3"))) void Compress(uint32_t (&state)[2][8],
                                                          const uint8_t* first,
                                                          const uint8_t* second, size_t blocks) {
  Working a = Unpack(state[0]);
  Working b = Unpack(state[1]);
  for (; blocks > 0; --blocks, first += kBlockBytes, second += kBlockBytes) {
    const Working a_before = a, b_before = b;
    Load(a, first);
    Load(b, second);
#pragma GCC unroll 16
    for (int group = 0; group < 16; ++group) {
      FourRounds(a, group);
      FourRounds(b, group);
    }
    a.abef = _mm_add_epi32(a.abef, a_before.abef);
    a.cdgh = _mm_add_epi32(a.cdgh, a_before.cdgh);
    b.abef = _mm_add_epi32(b.abef, b_before.abef);
    b.cdgh = _mm_add_epi32(b.cdgh, b_before.cdgh);
  }
  Pack(a, state[0]);
  Pack(b, state[1]);
}

#else

bool HasShaInstructions() { return false; }
void Compress(uint32_t (&)[2][8], const uint8_t*, const uint8_t*, size_t) {
  DURE_CHECK(false, "only processors with SHA instructions come here");
}

#endif

Digest ToDigest(const uint32_t (&state)[8]) {
  Digest digest;
  for (size_t i = 0; i < digest.bytes.size(); ++i) {
    digest.bytes[i] = static_cast<uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)));
  }
  return digest;
}

}  // namespace

PairedHasher::PairedHasher(Way way) : interleaved_(way == Way::kBest && HasShaInstructions()) {
  Start();
}

void PairedHasher::Start() {
  bytes_ = 0;
  for (auto& state : state_) std::copy(kShaInitial, kShaInitial + 8, state);
}

// Completes the begun blocks from the fronts of the messages, and compresses them if they are full.
void PairedHasher::Fill(ByteView& first, ByteView& second) {
  const size_t begun = bytes_ % kBlockBytes;
  const size_t count = std::min(kBlockBytes - begun, first.size());
  if (count == 0) return;
  std::memcpy(block_[0] + begun, first.data(), count);
  std::memcpy(block_[1] + begun, second.data(), count);
  first = first.subspan(count);
  second = second.subspan(count);
  bytes_ += count;
  if (bytes_ % kBlockBytes == 0) Compress(state_, block_[0], block_[1], 1);
}

void PairedHasher::Update(ByteView first, ByteView second) {
  DURE_CHECK(first.size() == second.size(), "paired messages grow together");
  if (!interleaved_) {
    hashers_[0].Update(first);
    hashers_[1].Update(second);
    return;
  }
  if (bytes_ % kBlockBytes != 0) Fill(first, second);
  const size_t blocks = first.size() / kBlockBytes;
  if (blocks > 0) {
    Compress(state_, first.data(), second.data(), blocks);
    first = first.subspan(blocks * kBlockBytes);
    second = second.subspan(blocks * kBlockBytes);
    bytes_ += blocks * kBlockBytes;
  }
  Fill(first, second);
}

std::array<Digest, 2> PairedHasher::Finish() {
  if (!interleaved_) return {hashers_[0].Finish(), hashers_[1].Finish()};
  // One bit, zeros to the end of a block, and the length in bits, big-endian.
  const uint64_t bits = bytes_ * 8;
  uint8_t padding[2 * kBlockBytes] = {0x80};
  const size_t begun = bytes_ % kBlockBytes;
  const size_t count = (begun < 56 ? kBlockBytes : 2 * kBlockBytes) - begun;
  for (size_t i = 0; i < 8; ++i) {
    padding[count - 8 + i] = static_cast<uint8_t>(bits >> (56 - 8 * i));
  }
  const ByteView end(padding, count);
  Update(end, end);
  const std::array<Digest, 2> digests = {ToDigest(state_[0]), ToDigest(state_[1])};
  Start();
  return digests;
}

}  // namespace dure::codec
