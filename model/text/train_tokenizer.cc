// Byte-pair training (Sennrich et al. 2016) over distinct words with incremental pair counts: a
// merge touches only the words that hold the pair.
#include <algorithm>
#include <queue>
#include <unordered_map>

#include "model/text/byte_pairs.h"
#include "model/text/pretokenize.h"

namespace dure::text {
namespace {

constexpr size_t kWordBytesMax = 128;            // longer words are no words: base64, tables
constexpr size_t kDistinctWordsMax = 8'000'000;  // about 1 GiB; later words are not learnt from
constexpr size_t kLearntTokenBytesMax = 64;

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

struct Word {
  std::vector<uint32_t> ids;
  int64_t count = 0;
};

struct PairUse {
  Pair pair;
  int64_t count = 0;
  std::vector<uint32_t> words;  // that may hold the pair; repeats and stale ones do no harm
};

// The merging itself, from words to a model.
class Merger {
 public:
  Merger(std::vector<Word>* words, BytePairModel* model) : words_(*words), model_(*model) {
    for (uint32_t id = 0; id < model_.size(); ++id) {
      if (id >= kSpecialTokenCount) tokens_.emplace(model_.bytes(id), id);
    }
    for (uint32_t w = 0; w < words_.size(); ++w) Count(w, words_[w].count, nullptr);
    for (uint32_t use = 0; use < uses_.size(); ++use) queue_.push(Entry(use));
  }

  void Run(uint32_t vocab_size) {
    while (model_.size() < vocab_size && !queue_.empty()) {
      const Queued best = queue_.top();
      queue_.pop();
      PairUse& use = uses_[best.use];
      if (use.count != best.count) {  // it changed since it was queued: queue it anew
        if (use.count > 1) queue_.push(Entry(best.use));
        continue;
      }
      if (use.count < 2) break;
      Merge(best.use);
    }
  }

 private:
  struct Queued {
    int64_t count;
    Pair pair;
    uint32_t use;
    // The most frequent first; of equals, the one made of earlier tokens.
    bool operator<(const Queued& other) const {
      return count != other.count ? count < other.count : pair > other.pair;
    }
  };

  Queued Entry(uint32_t use) const { return {uses_[use].count, uses_[use].pair, use}; }

  uint32_t UseOf(Pair pair) {
    const uint64_t key = uint64_t{pair.first} << 32 | pair.second;
    const auto [found, is_new] = index_.try_emplace(key, static_cast<uint32_t>(uses_.size()));
    if (is_new) uses_.push_back({pair, 0, {}});
    return found->second;
  }

  // Adds `change` for every pair of a word; `touched` collects them.
  void Count(uint32_t w, int64_t change, std::vector<uint32_t>* touched) {
    const std::vector<uint32_t>& ids = words_[w].ids;
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      const uint32_t use = UseOf({ids[i], ids[i + 1]});
      uses_[use].count += change;
      if (change > 0 && (uses_[use].words.empty() || uses_[use].words.back() != w)) {
        uses_[use].words.push_back(w);
      }
      if (touched != nullptr) touched->push_back(use);
    }
  }

  void Merge(uint32_t merged) {
    const Pair pair = uses_[merged].pair;
    const std::string bytes =
        std::string(model_.bytes(pair.first)) + std::string(model_.bytes(pair.second));
    if (bytes.size() > kLearntTokenBytesMax) return;  // it leaves the queue: never merged
    auto known = tokens_.find(bytes);
    if (known == tokens_.end()) known = tokens_.emplace(bytes, model_.AddToken(bytes)).first;
    const uint32_t id = known->second;
    // A token that two pairs make can meet an old partner again after that pair had its turn.
    if (model_.Find(pair.first, pair.second).rank == UINT32_MAX) model_.AddMerge(pair, id);

    std::vector<uint32_t> held = std::move(uses_[merged].words);
    uses_[merged].words.clear();
    std::sort(held.begin(), held.end());
    held.erase(std::unique(held.begin(), held.end()), held.end());
    std::vector<uint32_t> touched;
    for (const uint32_t w : held) {
      if (!Holds(words_[w].ids, pair)) continue;
      Count(w, -words_[w].count, nullptr);
      Replace(&words_[w].ids, pair, id);
      Count(w, words_[w].count, &touched);
    }
    std::sort(touched.begin(), touched.end());
    touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
    for (const uint32_t use : touched) {
      if (uses_[use].count > 1) queue_.push(Entry(use));
    }
  }

  static bool Holds(const std::vector<uint32_t>& ids, Pair pair) {
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      if (ids[i] == pair.first && ids[i + 1] == pair.second) return true;
    }
    return false;
  }

  static void Replace(std::vector<uint32_t>* ids, Pair pair, uint32_t id) {
    size_t out = 0;
    for (size_t i = 0; i < ids->size(); ++i, ++out) {
      const bool match =
          i + 1 < ids->size() && (*ids)[i] == pair.first && (*ids)[i + 1] == pair.second;
      (*ids)[out] = match ? id : (*ids)[i];
      i += match ? 1 : 0;
    }
    ids->resize(out);
  }

  std::vector<Word>& words_;
  BytePairModel& model_;
  std::unordered_map<std::string, uint32_t> tokens_;  // looked up, never walked
  std::unordered_map<uint64_t, uint32_t> index_;      // of uses_; looked up, never walked
  std::vector<PairUse> uses_;
  std::priority_queue<Queued> queue_;
};

}  // namespace

struct TokenizerTrainer::Words {
  std::unordered_map<std::string, uint32_t, TextHash, std::equal_to<>> index;
  std::vector<Word> words;  // in order of first sight
};

TokenizerTrainer::TokenizerTrainer() : words_(std::make_unique<Words>()) {}
TokenizerTrainer::~TokenizerTrainer() = default;

void TokenizerTrainer::Add(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = WordEnd(text, at);
    const std::string_view word = text.substr(at, end - at);
    at = end;
    if (word.size() < 2 || word.size() > kWordBytesMax) continue;
    auto found = words_->index.find(word);
    if (found == words_->index.end()) {
      if (words_->words.size() >= kDistinctWordsMax) continue;
      found = words_->index.emplace(std::string(word), words_->words.size()).first;
      Word fresh;
      for (const char c : word) fresh.ids.push_back(ByteToken(static_cast<uint8_t>(c)));
      words_->words.push_back(std::move(fresh));
    }
    ++words_->words[found->second].count;
  }
}

Result<Tokenizer> TokenizerTrainer::Train(uint32_t vocab_size) {
  if (vocab_size < kVocabularyMin || vocab_size > kVocabularyMax) {
    return Fail(ErrorCode::kInvalid, "a vocabulary has " + std::to_string(kVocabularyMin) + " to " +
                                         std::to_string(kVocabularyMax) + " tokens, not " +
                                         std::to_string(vocab_size));
  }
  auto model = std::make_shared<BytePairModel>();
  std::vector<Word> words = std::move(words_->words);
  *words_ = Words{};
  Merger(&words, model.get()).Run(vocab_size);
  std::string json = ToTokenizerJson(*model);
  return Tokenizer(std::move(model), std::move(json));
}

}  // namespace dure::text
