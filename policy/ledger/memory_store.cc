#include <map>
#include <mutex>

#include "policy/ledger/entry_store.h"
#include "policy/ledger/merkle.h"

namespace dure::ledger {
namespace {

class MemoryStore final : public EntryStore {
 public:
  Status Commit(uint64_t first, const std::vector<NewEntry>& group,
                const NoteOver& note_over) override {
    std::vector<Digest> leaves;
    for (const NewEntry& item : group) leaves.push_back(LeafHash(item.entry->bytes));
    DURE_ASSIGN(std::string note, note_over(leaves));
    const std::lock_guard lock(mutex_);
    if (first != entries_.size())
      return Fail(ErrorCode::kFailedPrecondition, "another size was expected");
    for (size_t i = 0; i < group.size(); ++i) {
      if (!group[i].key.empty()) keys_.emplace(group[i].key, entries_.size());
      leaves_.emplace(leaves[i], entries_.size());
      entries_.push_back(group[i].entry->bytes);
    }
    heads_[entries_.size()] = std::move(note);
    return {};
  }

  Status PutCosignatures(const StoredHead& head,
                         const std::vector<StoredCosignature>& lines) override {
    const std::lock_guard lock(mutex_);
    heads_.emplace(head.size, head.note);
    for (const StoredCosignature& one : lines) {
      cosignatures_[head.size].emplace(one.cosigner, one.line);
    }
    return {};
  }

  Result<std::vector<Bytes>> Read(uint64_t begin, uint64_t end, size_t bytes_max) const override {
    const std::lock_guard lock(mutex_);
    std::vector<Bytes> page;
    size_t bytes = 0;
    for (uint64_t i = begin; i < std::min<uint64_t>(end, entries_.size()); ++i) {
      bytes += entries_[i].size();
      if (!page.empty() && bytes > bytes_max) break;
      page.push_back(entries_[i]);
    }
    return page;
  }

  Result<uint64_t> Size() const override {
    const std::lock_guard lock(mutex_);
    return entries_.size();
  }

  Result<std::optional<StoredHead>> LastHead() const override {
    const std::lock_guard lock(mutex_);
    if (heads_.empty()) return std::optional<StoredHead>();
    return std::optional(StoredHead{heads_.rbegin()->first, heads_.rbegin()->second});
  }

  Result<std::optional<StoredHead>> HeadFor(uint64_t from, uint64_t entries_max) const override {
    const std::lock_guard lock(mutex_);
    auto found = heads_.upper_bound(from + std::min(entries_max, UINT64_MAX - from));
    if (found != heads_.begin() && std::prev(found)->first > from) --found;
    if (found == heads_.end()) return std::optional<StoredHead>();
    return std::optional(StoredHead{found->first, found->second});
  }

  Result<std::optional<StoredHead>> HeadAt(uint64_t size) const override {
    const std::lock_guard lock(mutex_);
    const auto found = heads_.find(size);
    if (found == heads_.end()) return std::optional<StoredHead>();
    return std::optional(StoredHead{found->first, found->second});
  }

  Result<std::vector<StoredCosignature>> CosignaturesAt(uint64_t size) const override {
    const std::lock_guard lock(mutex_);
    std::vector<StoredCosignature> lines;
    const auto found = cosignatures_.find(size);
    if (found == cosignatures_.end()) return lines;
    for (const auto& [cosigner, line] : found->second) lines.push_back({cosigner, line});
    return lines;
  }

  Result<std::optional<uint64_t>> CosignedSizeBelow(uint64_t below) const override {
    const std::lock_guard lock(mutex_);
    const auto found = cosignatures_.lower_bound(below);
    if (found == cosignatures_.begin()) return std::optional<uint64_t>();
    return std::optional(std::prev(found)->first);
  }

  Result<std::optional<uint64_t>> FindKey(std::string_view key) const override {
    const std::lock_guard lock(mutex_);
    const auto found = keys_.find(key);
    return found == keys_.end() ? std::nullopt : std::optional(found->second);
  }

  Result<std::optional<uint64_t>> FindLeaf(const Digest& leaf) const override {
    const std::lock_guard lock(mutex_);
    const auto found = leaves_.find(leaf);
    return found == leaves_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  mutable std::mutex mutex_;  // guards everything below
  std::vector<Bytes> entries_;
  std::map<uint64_t, std::string> heads_;
  std::map<uint64_t, std::map<std::string, std::string>> cosignatures_;
  std::map<std::string, uint64_t, std::less<>> keys_;
  std::map<Digest, uint64_t> leaves_;
};

}  // namespace

std::unique_ptr<EntryStore> MakeMemoryStore() { return std::make_unique<MemoryStore>(); }

}  // namespace dure::ledger
