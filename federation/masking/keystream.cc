#include "federation/masking/keystream.h"

#include <openssl/evp.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>

#include "federation/check.h"

namespace dure::masking {
namespace {

static_assert(std::endian::native == std::endian::little, "words are little-endian");

constexpr size_t kBlockBytes = 16;
constexpr size_t kScratchBytes = 16 * 1024;  // beside the words in the first-level cache

const EVP_CIPHER* CtrAlgorithm() {
  static EVP_CIPHER* const algorithm = EVP_CIPHER_fetch(nullptr, "AES-256-CTR", nullptr);
  DURE_CHECK(algorithm != nullptr, "OpenSSL has AES-256-CTR");
  return algorithm;
}

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
// Not kept between calls: its key schedule would outlive the round.
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

Context StartAt(const StreamKey& key, uint64_t block) {
  uint8_t counter[kBlockBytes];
  std::memcpy(counter, key.nonce.data(), key.nonce.size());
  const uint64_t big_endian = __builtin_bswap64(block);
  std::memcpy(counter + 8, &big_endian, sizeof big_endian);
  Context context(EVP_CIPHER_CTX_new());
  DURE_CHECK(EVP_EncryptInit_ex2(context.get(), CtrAlgorithm(), key.key.bytes.data(), counter,
                                 nullptr) == 1,
             "AES-256-CTR starts");
  return context;
}

// `out` is overwritten with the next bytes of the stream.
void Next(EVP_CIPHER_CTX* context, std::span<uint8_t> out) {
  std::ranges::fill(out, uint8_t{0});
  int written = 0;
  DURE_CHECK(EVP_EncryptUpdate(context, out.data(), &written, out.data(),
                               static_cast<int>(out.size())) == 1,
             "AES-256-CTR runs");
}

template <typename Word, bool kAdd>
void Combine(uint8_t* __restrict words, const uint8_t* __restrict stream, size_t bytes) {
  for (size_t i = 0; i < bytes; i += sizeof(Word)) {
    Word word, mask;
    std::memcpy(&word, words + i, sizeof word);
    std::memcpy(&mask, stream + i, sizeof mask);
    word = static_cast<Word>(kAdd ? word + mask : word - mask);
    std::memcpy(words + i, &word, sizeof word);
  }
}

template <bool kAdd>
void CombineWords(WordBytes width, uint8_t* words, const uint8_t* stream, size_t bytes) {
  switch (width) {
    case WordBytes::k1:
      return Combine<uint8_t, kAdd>(words, stream, bytes);
    case WordBytes::k2:
      return Combine<uint16_t, kAdd>(words, stream, bytes);
    case WordBytes::k4:
      return Combine<uint32_t, kAdd>(words, stream, bytes);
    case WordBytes::k8:
      return Combine<uint64_t, kAdd>(words, stream, bytes);
  }
}

void CombineWords(Direction direction, WordBytes width, uint8_t* words, const uint8_t* stream,
                  size_t bytes) {
  if (direction == Direction::kAdd) return CombineWords<true>(width, words, stream, bytes);
  return CombineWords<false>(width, words, stream, bytes);
}

void ReadFrom(const StreamKey& key, uint64_t offset, std::span<uint8_t> out) {
  const Context context = StartAt(key, offset / kBlockBytes);
  uint8_t skipped[kBlockBytes];
  if (offset % kBlockBytes != 0) Next(context.get(), {skipped, offset % kBlockBytes});
  if (!out.empty()) Next(context.get(), out);
}

void ApplyEvp(const StreamKey& key, Direction direction, WordBytes width, uint64_t offset,
              std::span<uint8_t> words) {
  alignas(64) uint8_t scratch[kScratchBytes];
  const Context context = StartAt(key, offset / kBlockBytes);
  uint8_t skipped[kBlockBytes];
  if (offset % kBlockBytes != 0) Next(context.get(), {skipped, offset % kBlockBytes});
  while (!words.empty()) {
    const size_t bytes = std::min(words.size(), kScratchBytes);
    Next(context.get(), {scratch, bytes});
    CombineWords(direction, width, words.data(), scratch, bytes);
    words = words.subspan(bytes);
  }
  ::explicit_bzero(scratch, sizeof scratch);
}

// An engine that this machine has but that computes something else must not be used: masks would
// not cancel between sites.
bool AgreesWithEvp(Engine engine) {
  StreamKey key;
  for (size_t i = 0; i < key.key.bytes.size(); ++i) {
    key.key.bytes[i] = static_cast<uint8_t>(7 * i + 1);
  }
  key.nonce = {1, 2, 3, 4, 5, 6, 7, 8};
  constexpr size_t kBytes = 1600;
  constexpr uint64_t kOffset = (uint64_t{1} << 36) - 1000;  // a carry into the fifth byte
  uint8_t a[kBytes] = {};
  uint8_t b[kBytes] = {};
  Keystream(key, Engine::kEvp).Apply(Direction::kAdd, WordBytes::k2, kOffset, a);
  Keystream(key, engine).Apply(Direction::kAdd, WordBytes::k2, kOffset, b);
  return std::memcmp(a, b, kBytes) == 0;
}

}  // namespace

void engines::ReadEvp(const StreamKey& key, uint64_t block, std::span<uint8_t> out) {
  Next(StartAt(key, block).get(), out);
}

std::string_view Name(Engine engine) {
  switch (engine) {
    case Engine::kEvp:
      return "evp";
    case Engine::kAesNi:
      return "aes-ni";
    case Engine::kVaes:
      return "vaes";
  }
  return "";
}

bool Has(Engine engine) {
  if (engine == Engine::kVaes) return engines::HasVaes();
  if (engine == Engine::kAesNi) return engines::HasAesNi();
  return true;
}

Engine BestEngine() {
  static const Engine best = [] {
    for (const Engine engine : {Engine::kVaes, Engine::kAesNi}) {
      if (Has(engine) && AgreesWithEvp(engine)) return engine;
    }
    return Engine::kEvp;
  }();
  return best;
}

Keystream::Keystream(const StreamKey& key, Engine engine) : key_(key), engine_(engine) {
  DURE_CHECK(Has(engine), "an engine is used where it exists");
  if (engine != Engine::kEvp) engines::ExpandKey(key.key.bytes.data(), rounds_.key[0]);
}

Keystream::~Keystream() { ::explicit_bzero(&rounds_, sizeof rounds_); }

void Keystream::Apply(Direction direction, WordBytes width, uint64_t offset,
                      std::span<uint8_t> words) const {
  const auto bytes = static_cast<uint64_t>(width);
  DURE_CHECK(offset % bytes == 0 && words.size() % bytes == 0, "masks fall on whole words");
  if (words.empty()) return;
  if (engine_ == Engine::kEvp) return ApplyEvp(key_, direction, width, offset, words);
  // The ends that are no whole block go through EVP; a word never crosses a block's edge.
  const size_t head =
      std::min<size_t>((kBlockBytes - offset % kBlockBytes) % kBlockBytes, words.size());
  if (head > 0) ApplyEvp(key_, direction, width, offset, words.first(head));
  words = words.subspan(head);
  offset += head;
  engines::Stretch stretch{rounds_.key[0], key_.nonce.data(), offset / kBlockBytes, words.data(),
                           words.size() / kBlockBytes};
  const size_t whole = stretch.blocks * kBlockBytes;
  if (engine_ == Engine::kVaes) {
    const size_t done = engines::ApplyVaes(direction, width, stretch);
    stretch.block += done;
    stretch.words += done * kBlockBytes;
    stretch.blocks -= done;
  }
  if (stretch.blocks > 0) engines::ApplyAesNi(direction, width, stretch);
  if (whole < words.size()) {
    ApplyEvp(key_, direction, width, offset + whole, words.subspan(whole));
  }
}

void Keystream::Read(uint64_t offset, std::span<uint8_t> out) const {
  if (engine_ == Engine::kEvp) return ReadFrom(key_, offset, out);
  std::ranges::fill(out, uint8_t{0});
  Apply(Direction::kAdd, WordBytes::k1, offset, out);
}

}  // namespace dure::masking
