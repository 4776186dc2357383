#include "policy/ledger/stored_log.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>

#include "federation/check.h"

namespace dure::ledger {
namespace {

constexpr size_t kPageBytes = 4 * 1024 * 1024;

tl::unexpected<Error> OutOfRange(std::string_view what) {
  return Fail(ErrorCode::kInvalid, std::string(what) + " is beyond the log's head");
}

constexpr size_t kThreadsMax = 8;
constexpr size_t kEntriesOfThread = 64;  // fewer are sooner parsed than a thread is started

using Parsed = std::vector<std::optional<Result<OpenedEntry>>>;

// Parsing and hashing an entry are most of the work of opening a log, and each entry's is its own:
// done on every core. What stands between entries, the chronicle and the tree, is folded in order.
Parsed ParseAll(const std::vector<Bytes>& page) {
  Parsed parsed(page.size());
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < page.size(); i = next++) parsed[i] = ParseEntry(page[i]);
  };
  const size_t cores = std::max(1U, std::thread::hardware_concurrency());
  const size_t threads = std::min({cores, kThreadsMax, 1 + page.size() / kEntriesOfThread});
  {
    std::vector<std::jthread> others;
    for (size_t i = 1; i < threads; ++i) others.emplace_back(work);
    work();
  }
  return parsed;
}

}  // namespace

StoredLog::StoredLog(NoteKey log_key, std::unique_ptr<EntryStore> store)
    : log_key_(std::move(log_key)), store_(std::move(store)), chronicle_(log_key_) {
  head_.head = {log_key_.name, 0, EmptyRoot()};
}

Status StoredLog::LoadEntries(uint64_t size) {
  while (tree_.size() < size) {
    DURE_ASSIGN(const std::vector<Bytes> page, store_->Read(tree_.size(), size, kPageBytes));
    if (page.empty()) return Fail(ErrorCode::kCorrupt, "entries are missing from the store");
    for (const auto& parsed : ParseAll(page)) {
      const std::string where = "stored entry " + std::to_string(tree_.size());
      const Result<OpenedEntry>& entry = *parsed;
      if (!entry) return Fail(ErrorCode::kCorrupt, where + ": " + entry.error().message);
      const auto refusal = chronicle_.Admit(*entry, [this](uint64_t n) { return tree_.RootAt(n); });
      if (refusal) return Fail(ErrorCode::kCorrupt, where + ": " + AsError(*refusal).message);
      tree_.Append(entry->leaf);
    }
  }
  return {};
}

Result<bool> StoredLog::Load(const Verifier& verifier, Beside beside) {
  // The head first: a writer beside us may commit in between, and what follows a head does not
  // disturb it.
  DURE_ASSIGN(const std::optional<StoredHead> stored, store_->LastHead());
  DURE_ASSIGN(const uint64_t size, store_->Size());
  if (!stored) {
    if (size != 0 && beside == Beside::kNobody)
      return Fail(ErrorCode::kCorrupt, "the store has entries but no tree head");
    return false;
  }
  Result<SignedHead> head = OpenHead(stored->note, log_key_, verifier);
  if (!head && head.error().code == ErrorCode::kUnauthenticated) {
    return Fail(ErrorCode::kFailedPrecondition,
                "the stored tree head is not signed by " + log_key_.Vkey());
  }
  if (!head) return Fail(ErrorCode::kCorrupt, "the stored tree head: " + head.error().message);
  const bool whole = beside == Beside::kNobody ? size == head->head.size : size >= head->head.size;
  if (!whole) {
    return Fail(ErrorCode::kCorrupt, "the store holds " + std::to_string(size) +
                                         " entries, its head speaks of " +
                                         std::to_string(head->head.size));
  }
  DURE_TRY(LoadEntries(head->head.size));
  if (tree_.Root() != head->head.root) {
    return Fail(ErrorCode::kCorrupt, "the stored entries do not hash to the signed root");
  }
  head_ = std::move(*head);
  DURE_TRY(LoadAgreed());
  return true;
}

void StoredLog::Stage(const std::vector<Digest>& leaves) {
  const std::unique_lock lock(mutex_);
  for (const Digest& leaf : leaves) tree_.Append(leaf);
}

void StoredLog::Unstage() {
  const std::unique_lock lock(mutex_);
  tree_.Truncate(head_.head.size);
}

void StoredLog::Publish(SignedHead head, Chronicle chronicle) {
  const std::unique_lock lock(mutex_);
  DURE_CHECK(head.head.size == tree_.size() && chronicle.size() == tree_.size(),
             "tree, chronicle and head end at the same entry");
  head_ = std::move(head);
  chronicle_ = std::move(chronicle);
}

SignedHead StoredLog::Head() const {
  const std::shared_lock lock(mutex_);
  return head_;
}

Result<Proof> StoredLog::ProveInclusion(uint64_t index, uint64_t size) const {
  const std::shared_lock lock(mutex_);
  if (size > head_.head.size || index >= size) return OutOfRange("the entry to prove");
  return tree_.ProveInclusion(index, size);
}

Result<Proof> StoredLog::ProveConsistency(uint64_t from, uint64_t to) const {
  const std::shared_lock lock(mutex_);
  if (to > head_.head.size || from > to) return OutOfRange("the size to prove");
  return tree_.ProveConsistency(from, to);
}

Result<std::vector<Bytes>> StoredLog::Read(uint64_t begin, uint64_t end, size_t bytes_max) const {
  if (end > Head().head.size || begin > end) return OutOfRange("the range to read");
  DURE_ASSIGN(std::vector<Bytes> entries, store_->Read(begin, end, bytes_max));
  const std::shared_lock lock(mutex_);
  for (size_t i = 0; i < entries.size(); ++i) {
    if (LeafHash(entries[i]) != tree_.Leaf(begin + i)) {
      return Fail(ErrorCode::kCorrupt,
                  "stored entry " + std::to_string(begin + i) + " no longer hashes to its leaf");
    }
  }
  return entries;
}

Result<SignedHead> StoredLog::HeadFor(uint64_t from, uint64_t entries_max) const {
  const SignedHead current = Head();
  DURE_ASSIGN(const std::optional<StoredHead> stored, store_->HeadFor(from, entries_max));
  if (!stored || stored->size >= current.head.size) return current;
  const std::shared_lock lock(mutex_);
  return SignedHead{{log_key_.name, stored->size, tree_.RootAt(stored->size)}, stored->note};
}

Digest StoredLog::Leaf(uint64_t index) const {
  const std::shared_lock lock(mutex_);
  DURE_CHECK(index < head_.head.size, "the leaf is under the published head");
  return tree_.Leaf(index);
}

Digest StoredLog::RootAt(uint64_t size) const {
  const std::shared_lock lock(mutex_);
  DURE_CHECK(size <= head_.head.size, "the size is of the published tree");
  return tree_.RootAt(size);
}

ActorChain StoredLog::ChainOf(const PublicKey& key) const {
  const std::shared_lock lock(mutex_);
  return chronicle_.ChainOf(key);
}

std::optional<AdmittedKey> StoredLog::FindKey(const PublicKey& key) const {
  const std::shared_lock lock(mutex_);
  const AdmittedKey* found = chronicle_.Find(key);
  return found == nullptr ? std::nullopt : std::optional<AdmittedKey>(*found);
}

std::optional<uint64_t> StoredLog::FindEntry(std::string_view key) const {
  const Result<std::optional<uint64_t>> found = store_->FindKey(key);
  if (!found || !*found || **found >= Head().head.size) return std::nullopt;
  return **found;
}

}  // namespace dure::ledger
