#include "model/text/tokenizer.h"

#include <array>
#include <cstring>

#include "federation/check.h"
#include "model/text/byte_pairs.h"
#include "model/text/pretokenize.h"

namespace dure::text {
namespace {

// One line of the cache: a word and its tokens in 64 bytes. Longer ones are rare and encoded each
// time.
struct alignas(64) CachedWord {
  uint8_t length = 0;  // 0: free
  uint8_t count = 0;
  std::array<char, 30> word;
  std::array<uint32_t, 8> ids;
};
static_assert(sizeof(CachedWord) == 64);
constexpr size_t kCacheBits = 15;  // 2 MiB: stays in a core's second-level cache

uint64_t HashWord(std::string_view word) {
  uint64_t hash = word.size() * 0x9e3779b97f4a7c15u;
  while (!word.empty()) {
    uint64_t part = 0;
    const size_t n = std::min<size_t>(8, word.size());
    std::memcpy(&part, word.data(), n);
    hash = (hash ^ part) * 0xff51afd7ed558ccdu;
    hash ^= hash >> 32;
    word.remove_prefix(n);
  }
  return hash * 0x9e3779b97f4a7c15u;
}

}  // namespace

struct Encoder::Cache {
  std::vector<CachedWord> words{size_t{1} << kCacheBits};
};

Tokenizer::Tokenizer(std::shared_ptr<const BytePairModel> model, std::string json)
    : model_(std::move(model)),
      json_(std::make_shared<const std::string>(std::move(json))),
      digest_(Sha256(AsBytes(*json_))) {}

Tokenizer Tokenizer::Bytes() {
  auto model = std::make_shared<BytePairModel>();
  std::string json = ToTokenizerJson(*model);
  return {std::move(model), std::move(json)};
}

std::string_view Tokenizer::token_bytes(uint32_t id) const {
  DURE_CHECK(id < vocab_size(), "ids come from this tokenizer's vocabulary");
  return model_->bytes(id);
}

uint32_t Tokenizer::vocab_size() const { return model_->size(); }

std::vector<uint32_t> Tokenizer::Encode(std::string_view text) const {
  std::vector<uint32_t> ids;
  constexpr size_t kWorthACache = 16384;
  if (text.size() >= kWorthACache) {
    Encoder(*this).Append(text, &ids);
    return ids;
  }
  for (size_t at = 0; at < text.size();) {
    const size_t end = WordEnd(text, at);
    model_->EncodeWord(text.substr(at, end - at), &ids);
    at = end;
  }
  return ids;
}

std::string Tokenizer::Decode(std::span<const uint32_t> ids) const {
  std::string text;
  for (const uint32_t id : ids) {
    if (id < model_->size()) text += model_->bytes(id);
  }
  return text;
}

Encoder::Encoder(const Tokenizer& tokenizer)
    : model_(tokenizer.model_), cache_(std::make_unique<Cache>()) {}
Encoder::~Encoder() = default;
Encoder::Encoder(Encoder&&) noexcept = default;

void Encoder::Append(std::string_view text, std::vector<uint32_t>* ids) {
  if (model_->merges().empty()) return model_->EncodeWord(text, ids);
  for (size_t at = 0; at < text.size();) {
    const size_t end = WordEnd(text, at);
    const std::string_view word = text.substr(at, end - at);
    at = end;
    if (word.size() > sizeof(CachedWord::word)) {
      model_->EncodeWord(word, ids);
      continue;
    }
    CachedWord& entry = cache_->words[HashWord(word) >> (64 - kCacheBits)];
    if (entry.length == word.size() &&
        std::memcmp(entry.word.data(), word.data(), word.size()) == 0) {
      ids->insert(ids->end(), entry.ids.begin(), entry.ids.begin() + entry.count);
      continue;
    }
    const size_t begin = ids->size();
    model_->EncodeWord(word, ids);
    const size_t count = ids->size() - begin;
    if (count > entry.ids.size()) continue;
    entry.length = static_cast<uint8_t>(word.size());
    entry.count = static_cast<uint8_t>(count);
    std::memcpy(entry.word.data(), word.data(), word.size());
    std::copy(ids->begin() + static_cast<ptrdiff_t>(begin), ids->end(), entry.ids.begin());
  }
}

}  // namespace dure::text
