// The byte-pair model behind a Tokenizer: tokens, and which neighbours merge in which order.
// Immutable once made; only this room uses it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/text/tokenizer.h"

namespace dure::text {

inline constexpr std::array<std::string_view, kSpecialTokenCount> kSpecialTokens = {
    "<|bos|>", "<|eos|>", "<|pad|>"};

using Pair = std::pair<uint32_t, uint32_t>;

class BytePairModel {
 public:
  struct Merge {
    uint32_t rank = UINT32_MAX;  // lower merges first; UINT32_MAX: the pair does not merge
    uint32_t id = 0;             // what it becomes
  };

  // The special tokens and the bytes.
  BytePairModel();

  // Appends a token. REQUIRES: its bytes are no token yet.
  uint32_t AddToken(std::string_view bytes);
  // The pair merges into `id`, after all pairs added before. REQUIRES: the pair is new.
  void AddMerge(Pair pair, uint32_t id);

  uint32_t size() const { return static_cast<uint32_t>(ends_.size()); }
  std::string_view bytes(uint32_t id) const {
    const size_t begin = id == 0 ? 0 : ends_[id - 1];
    return std::string_view(text_).substr(begin, ends_[id] - begin);
  }
  const std::vector<Pair>& merges() const { return merges_; }
  Merge Find(uint32_t left, uint32_t right) const;

  // Appends the tokens of one word.
  void EncodeWord(std::string_view word, std::vector<uint32_t>* ids) const;

 private:
  struct Slot {
    uint64_t key = UINT64_MAX;
    Merge merge;
  };
  void Grow();
  size_t Home(uint64_t key) const { return (key * 0x9e3779b97f4a7c15u) >> shift_; }
  void MergeShort(uint32_t* ids, size_t* count) const;
  void MergeLong(std::vector<uint32_t>* ids, size_t begin) const;

  std::string text_;            // bytes of all tokens behind each other
  std::vector<uint64_t> ends_;  // of each token in text_
  std::vector<Pair> merges_;    // in order of rank
  std::vector<Slot> slots_;     // open addressing, at most half full
  unsigned shift_ = 0;          // 64 - log2(slots)
};

inline uint32_t ByteToken(uint8_t byte) { return kSpecialTokenCount + byte; }

// tokenizer.json of a model; the same bytes for the same model.
std::string ToTokenizerJson(const BytePairModel& model);

}  // namespace dure::text
