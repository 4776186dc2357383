// Tokenizer: text to token ids and back, by byte-level byte-pair encoding.
//
// Every byte is a token, so any input (also invalid UTF-8) is encoded and decoded without loss;
// merges make frequent byte sequences one token. Ids: 0 bos, 1 eos, 2 pad, then the 256 bytes, then
// one token a merge. Text is first cut into words (pretokenize.h); no merge crosses a word. Text is
// taken as it is: NFC is assumed, not made.
//
// On disk it is a Hugging Face tokenizer.json (Split + ByteLevel, BPE model) from which the usual
// tools make the same ids. One difference: they turn the text "<|eos|>" into the special token,
// while Encode never makes a special token from text, so that data cannot forge a document's end.
//
// A tokenizer's identity is the SHA-256 of its tokenizer.json. Const methods are thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "federation/bytes.h"
#include "federation/digest.h"
#include "federation/result.h"

namespace dure::text {

inline constexpr size_t kTokenizerJsonBytesMax = size_t{32} << 20;  // 1 Mi tokens of 30 bytes
inline constexpr uint32_t kVocabularyMax = 1u << 20;
inline constexpr uint32_t kSpecialTokenCount = 3;
inline constexpr uint32_t kVocabularyMin = kSpecialTokenCount + 256;
inline constexpr size_t kTokenBytesMax = 1024;  // longest token, in bytes of text

class BytePairModel;

class Tokenizer {
 public:
  // No merges: 256 bytes and the special tokens.
  static Tokenizer Bytes();

  // Reads a tokenizer.json made by Save. Total and bounded (kTokenizerJsonBytesMax). kInvalid names
  // what is malformed or not expressible here (another model, pre-tokenizer, normalizer or token
  // order).
  static Result<Tokenizer> Parse(ByteView json);

  // "bytes", a tokenizer.json, or a folder that holds one. kNotFound; otherwise as Parse.
  static Result<Tokenizer> Load(const std::string& name_or_path);

  // bytes of text that a token stands for: 0 for special tokens. REQUIRES: id < vocab_size().
  std::string_view token_bytes(uint32_t id) const;

  std::vector<uint32_t> Encode(std::string_view text) const;
  // Special tokens give no text; ids beyond the vocabulary are skipped.
  std::string Decode(std::span<const uint32_t> ids) const;

  uint32_t vocab_size() const;
  uint32_t bos() const { return 0; }
  uint32_t eos() const { return 1; }
  uint32_t pad() const { return 2; }
  const Digest& digest() const { return digest_; }
  // The bytes of tokenizer.json.
  const std::string& json() const { return *json_; }

  // Writes tokenizer.json and tokenizer_config.json into `folder` (made if needed), each whole or
  // not at all. kUnavailable: the folder cannot be written.
  Status Save(const std::filesystem::path& folder) const;

 private:
  friend class Encoder;
  friend class TokenizerTrainer;
  // REQUIRES: `json` is the file of `model`.
  Tokenizer(std::shared_ptr<const BytePairModel> model, std::string json);

  // Shared because a tokenizer is immutable once made and copies travel to encoder threads.
  std::shared_ptr<const BytePairModel> model_;
  std::shared_ptr<const std::string> json_;
  Digest digest_;
};

// Encodes many texts with a bounded cache of words; the fast way. Gives what Tokenizer::Encode
// gives. Not thread-safe: one a thread.
class Encoder {
 public:
  explicit Encoder(const Tokenizer& tokenizer);
  ~Encoder();
  Encoder(Encoder&&) noexcept;
  // Appends the ids of `text` to `ids`.
  void Append(std::string_view text, std::vector<uint32_t>* ids);

 private:
  struct Cache;
  std::shared_ptr<const BytePairModel> model_;
  std::unique_ptr<Cache> cache_;
};

// Learns merges from text. Life: Add as often as wanted, then Train once. The result depends only
// on the texts and their order; equal counts are decided by token ids.
class TokenizerTrainer {
 public:
  TokenizerTrainer();
  ~TokenizerTrainer();
  void Add(std::string_view text);
  // At most `vocab_size` tokens; fewer when no pair occurs twice. kInvalid: vocab_size outside
  // [kVocabularyMin, kVocabularyMax].
  Result<Tokenizer> Train(uint32_t vocab_size);

 private:
  struct Words;
  std::unique_ptr<Words> words_;
};

}  // namespace dure::text
