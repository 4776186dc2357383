#include "tests/adversary/forged_log.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>

#include "policy/ledger/merkle.h"

namespace dure::adversary {
namespace {

using ledger::EventType;
using ledger::OpenedEntry;
using Lock = std::lock_guard<std::recursive_mutex>;

constexpr std::array<std::string_view, 26> kActs = {
    "none",          "rewrite",         "drop",   "reorder", "backdate",   "replay",
    "tally",         "admit",           "weight", "swallow", "void",       "withdrawn",
    "postdate",      "impersonate",     "reword", "base",    "measure",    "over",
    "grant-unknown", "measure-unknown", "slow",   "silent",  "unadmitted", "mislabel",
    "twice",         "unsettled"};
constexpr size_t kPageBytes = 4 * 1024 * 1024;

}  // namespace

Result<Act> ParseAct(std::string_view word) {
  const auto found = std::ranges::find(kActs, word);
  if (found != kActs.end()) return static_cast<Act>(found - kActs.begin());
  return Fail(ErrorCode::kInvalid, "there is no act \"" + std::string(word) + "\"");
}

ForgedLog::ForgedLog(std::unique_ptr<ledger::Ledger> honest, Keys keys, Act act, std::string when)
    : honest_(std::move(honest)), keys_(keys), act_(act), when_(std::move(when)) {}

Result<std::unique_ptr<ForgedLog>> ForgedLog::Make(std::unique_ptr<ledger::Ledger> honest,
                                                   Keys keys, Act act, std::string when) {
  auto log =
      std::unique_ptr<ForgedLog>(new ForgedLog(std::move(honest), keys, act, std::move(when)));
  const uint64_t size = log->honest_->Head().head.size;
  while (log->entries_.size() < size) {
    DURE_ASSIGN(const auto page, log->honest_->Read(log->entries_.size(), size, kPageBytes));
    for (const Bytes& bytes : page) {
      DURE_ASSIGN(const OpenedEntry entry, ledger::ParseEntry(bytes));
      log->Put(entry);
    }
  }
  return log;
}

ledger::SignedHead ForgedLog::Head() const {
  const Lock lock(mutex_);
  return ledger::SignHead({log_key().name, tree_.size(), tree_.Root()}, log_key(), *keys_.log);
}

Result<ledger::Proof> ForgedLog::ProveInclusion(uint64_t index, uint64_t size) const {
  const Lock lock(mutex_);
  if (index < size && size <= tree_.size()) return tree_.ProveInclusion(index, size);
  return Fail(ErrorCode::kInvalid, "no such entry");
}

Result<ledger::Proof> ForgedLog::ProveConsistency(uint64_t from, uint64_t to) const {
  const Lock lock(mutex_);
  if (from <= to && to <= tree_.size()) return tree_.ProveConsistency(from, to);
  return Fail(ErrorCode::kInvalid, "no such sizes");
}

Result<std::vector<Bytes>> ForgedLog::Read(uint64_t begin, uint64_t end, size_t bytes_max) const {
  const Lock lock(mutex_);
  if (begin > end || end > entries_.size()) return Fail(ErrorCode::kInvalid, "no such entries");
  std::vector<Bytes> page;
  size_t bytes = 0;
  for (uint64_t i = begin; i < end && (page.empty() || bytes < bytes_max); ++i) {
    bytes += entries_[i].bytes.size();
    page.push_back(entries_[i].bytes);
  }
  return page;
}

Result<ledger::SignedHead> ForgedLog::HeadFor(uint64_t, uint64_t) const { return Head(); }

std::optional<ledger::SignedHead> ForgedLog::Shown() const {
  const Lock lock(mutex_);
  if (!shown_) return std::nullopt;
  return ledger::SignHead({log_key().name, *shown_, tree_.RootAt(*shown_)}, log_key(), *keys_.log);
}

Digest ForgedLog::Leaf(uint64_t index) const {
  const Lock lock(mutex_);
  return tree_.Leaf(index);
}

Digest ForgedLog::RootAt(uint64_t size) const {
  const Lock lock(mutex_);
  return tree_.RootAt(size);
}

ledger::ActorChain ForgedLog::ChainOf(const PublicKey& key) const {
  const Lock lock(mutex_);
  const auto found = chains_.find(key);
  return found == chains_.end() ? ledger::ActorChain() : found->second;
}

std::optional<ledger::AdmittedKey> ForgedLog::FindKey(const PublicKey& key) const {
  const Lock lock(mutex_);
  const auto found = admitted_.find(key);
  return found == admitted_.end() ? honest_->FindKey(key) : found->second;
}

Result<ledger::CosignedHead> ForgedLog::Cosigned(uint64_t size) const {
  return honest_->Cosigned(size);
}

std::optional<uint64_t> ForgedLog::Find(std::string_view key) const {
  const Lock lock(mutex_);
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? honest_->Find(key) : found->second;
}

void ForgedLog::Put(const OpenedEntry& entry) {
  const ledger::Record& record = entry.record;
  chains_[record.actor.key] = {record.actor_seq + 1, entry.payload_digest};
  if (const auto* e = std::get_if<ledger::MemberAdmitted>(&record.event)) {
    admitted_[e->key] = {e->member, e->site, e->role, false};
  }
  tree_.Append(entry.leaf);
  entries_.push_back(entry);
}

void ForgedLog::Rebuild() {
  const std::vector<OpenedEntry> entries = std::move(entries_);
  entries_.clear();
  tree_ = {};
  chains_.clear();
  for (const OpenedEntry& entry : entries) Put(entry);
}

OpenedEntry ForgedLog::Resealed(const ledger::Record& record, const Signer& signer) {
  const auto sealed = ledger::SealRecord(record, signer);
  return *ledger::ParseEntry(sealed->bytes);
}

std::optional<uint64_t> ForgedLog::Last(EventType type) const {
  for (uint64_t i = entries_.size(); i > 0; --i) {
    if (TypeOf(entries_[i - 1].record.event) == type) return i - 1;
  }
  return std::nullopt;
}

std::optional<uint64_t> ForgedLog::First(EventType type) const {
  for (uint64_t i = 0; i < entries_.size(); ++i) {
    if (TypeOf(entries_[i].record.event) == type) return i;
  }
  return std::nullopt;
}

bool ForgedLog::Due() const { return !done_ && std::filesystem::exists(when_); }

void ForgedLog::Submit(OpenedEntry entry, std::string key, ledger::OnRepeat,
                       ledger::AppendCallback done, std::optional<uint64_t>) {
  const EventType type = TypeOf(entry.record.event);
  auto answer = Take(std::move(entry), key);
  if (act_ == Act::kSlow && type == EventType::kDatasetWithdrawn) {
    std::cerr << "a withdrawal waits for its answer" << std::endl;
    late_ = [done = std::move(done), answer = std::move(answer)] { done(answer); };
    return;
  }
  done(std::move(answer));
  if (type == EventType::kContributionSubmitted && late_) std::exchange(late_, nullptr)();
}

Result<ledger::Appended> ForgedLog::Take(OpenedEntry entry, const std::string& key) {
  const Lock lock(mutex_);
  if (!key.empty() && Find(key)) {
    DURE_ASSIGN(ledger::Receipt receipt, ledger::MakeReceipt(*this, *Find(key)));
    return ledger::Appended{std::move(receipt), true};
  }
  const bool ahead = act_ == Act::kPostdate && done_;
  if (ahead && entry.record.actor.key == keys_.aggregator->Key()) {
    ledger::Record record = entry.record;
    record.occurred_at = Moved(record.occurred_at, kAhead);
    entry = Resealed(record);
  }
  const bool unsettled = act_ == Act::kUnsettled && (done_ || Due());
  const bool withheld = unsettled && Withhold(entry);
  if (Due()) {
    const size_t honest = entries_.size();  // heads of as many entries or fewer are true
    Commit(entry);
    if (done_) std::cerr << "lied at entry " << honest << std::endl;
  }
  const bool swallowed =
      act_ == Act::kSwallow && done_ && TypeOf(entry.record.event) == EventType::kDatasetWithdrawn;
  if (!swallowed && !withheld) {
    Put(entry);
    if (!key.empty()) by_key_[key] = entries_.size() - 1;
  }
  DURE_ASSIGN(ledger::Receipt receipt, ledger::MakeReceipt(*this, entries_.size() - 1));
  return ledger::Appended{std::move(receipt), false};
}

}  // namespace dure::adversary
