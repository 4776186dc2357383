#include "model/text/byte_pairs.h"

#include <algorithm>
#include <bit>
#include <queue>

#include "federation/check.h"

namespace dure::text {
namespace {

constexpr size_t kShortWord = 64;  // up to here scanning for the best pair beats a queue
constexpr uint32_t kNone = UINT32_MAX;

uint64_t Key(uint32_t left, uint32_t right) { return uint64_t{left} << 32 | right; }

}  // namespace

BytePairModel::BytePairModel() {
  for (uint32_t i = 0; i < kSpecialTokenCount; ++i) ends_.push_back(0);
  for (int byte = 0; byte < 256; ++byte) {
    text_.push_back(static_cast<char>(byte));
    ends_.push_back(text_.size());
  }
  slots_.resize(1024);
  shift_ = 64 - 10;
}

uint32_t BytePairModel::AddToken(std::string_view bytes) {
  text_ += bytes;
  ends_.push_back(text_.size());
  return size() - 1;
}

void BytePairModel::AddMerge(Pair pair, uint32_t id) {
  if (2 * (merges_.size() + 1) > slots_.size()) Grow();
  const uint64_t key = Key(pair.first, pair.second);
  size_t at = Home(key);
  while (slots_[at].key != UINT64_MAX) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = {key, {static_cast<uint32_t>(merges_.size()), id}};
  merges_.push_back(pair);
}

void BytePairModel::Grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  --shift_;
  for (const Slot& slot : old) {
    if (slot.key == UINT64_MAX) continue;
    size_t at = Home(slot.key);
    while (slots_[at].key != UINT64_MAX) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = slot;
  }
}

BytePairModel::Merge BytePairModel::Find(uint32_t left, uint32_t right) const {
  const uint64_t key = Key(left, right);
  for (size_t at = Home(key); slots_[at].key != UINT64_MAX; at = (at + 1) & (slots_.size() - 1)) {
    if (slots_[at].key == key) return slots_[at].merge;
  }
  return {};
}

void BytePairModel::EncodeWord(std::string_view word, std::vector<uint32_t>* ids) const {
  const size_t begin = ids->size();
  ids->resize(begin + word.size());
  uint32_t* out = ids->data() + begin;
  for (const char c : word) *out++ = ByteToken(static_cast<uint8_t>(c));
  if (merges_.empty() || word.size() < 2) return;
  if (word.size() > kShortWord) return MergeLong(ids, begin);
  size_t count = word.size();
  MergeShort(ids->data() + begin, &count);
  ids->resize(begin + count);
}

void BytePairModel::MergeShort(uint32_t* ids, size_t* count) const {
  Merge merges[kShortWord];  // of each token with the next
  size_t n = *count;
  for (size_t i = 0; i + 1 < n; ++i) merges[i] = Find(ids[i], ids[i + 1]);
  while (n > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < n; ++i) {
      if (merges[i].rank < merges[best].rank) best = i;
    }
    if (merges[best].rank == UINT32_MAX) break;
    ids[best] = merges[best].id;
    std::copy(ids + best + 2, ids + n, ids + best + 1);
    for (size_t i = best + 1; i + 2 < n; ++i) merges[i] = merges[i + 1];
    --n;
    if (best > 0) merges[best - 1] = Find(ids[best - 1], ids[best]);
    if (best + 1 < n) merges[best] = Find(ids[best], ids[best + 1]);
  }
  *count = n;
}

// A linked list and a queue of candidates: n log n for words of any length.
void BytePairModel::MergeLong(std::vector<uint32_t>* ids, size_t begin) const {
  struct Candidate {
    uint32_t rank;
    size_t at;
    uint32_t left;
    uint32_t right;
    bool operator>(const Candidate& other) const {
      return rank != other.rank ? rank > other.rank : at > other.at;
    }
  };
  const std::span<uint32_t> word = std::span(*ids).subspan(begin);
  std::vector<size_t> next(word.size()), previous(word.size());
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto offer = [&](size_t left, size_t right) {
    const Merge merge = Find(word[left], word[right]);
    if (merge.rank != UINT32_MAX) queue.push({merge.rank, left, word[left], word[right]});
  };
  for (size_t i = 0; i < word.size(); ++i) {
    next[i] = i + 1;
    previous[i] = i - 1;  // of the first: never used
    if (i + 1 < word.size()) offer(i, i + 1);
  }
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    // Stale when either side has merged since.
    if (word[best.at] != best.left || next[best.at] >= word.size()) continue;
    const size_t right = next[best.at];
    if (word[right] != best.right) continue;
    word[best.at] = Find(best.left, best.right).id;
    word[right] = kNone;
    next[best.at] = next[right];
    if (next[right] < word.size()) {
      previous[next[right]] = best.at;
      offer(best.at, next[right]);
    }
    if (best.at > 0) offer(previous[best.at], best.at);
  }
  ids->erase(std::remove(ids->begin() + static_cast<ptrdiff_t>(begin), ids->end(), kNone),
             ids->end());
}

}  // namespace dure::text
