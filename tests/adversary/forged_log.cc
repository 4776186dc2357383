#include "tests/adversary/forged_log.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>

#include "policy/ledger/merkle.h"
#include "policy/rules/decision.h"

namespace dure::adversary {
namespace {

using ledger::EventType;
using ledger::OpenedEntry;
using Lock = std::lock_guard<std::recursive_mutex>;

constexpr std::array<std::string_view, 18> kActs = {
    "none",     "rewrite",     "drop",   "reorder", "backdate", "replay",
    "tally",    "admit",       "weight", "swallow", "void",     "withdrawn",
    "postdate", "impersonate", "reword", "base",    "measure",  "slow"};
constexpr std::chrono::hours kAhead{240};
constexpr std::chrono::hours kBack{-1};
constexpr size_t kPageBytes = 4 * 1024 * 1024;

std::string Moved(const std::string& time, std::chrono::hours by) {
  const auto at = rules::Instant::Parse(time);
  return at ? FormatRfc3339(WallTime(std::chrono::seconds(at->seconds)) + by) : time;
}

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
  if (Due()) {
    const size_t honest = entries_.size();  // heads of as many entries or fewer are true
    Commit(entry);
    if (done_) std::cerr << "lied at entry " << honest << std::endl;
  }
  const bool swallowed =
      act_ == Act::kSwallow && done_ && TypeOf(entry.record.event) == EventType::kDatasetWithdrawn;
  if (!swallowed) {
    Put(entry);
    if (!key.empty()) by_key_[key] = entries_.size() - 1;
  }
  DURE_ASSIGN(ledger::Receipt receipt, ledger::MakeReceipt(*this, entries_.size() - 1));
  return ledger::Appended{std::move(receipt), false};
}

// An adoption before the aggregator's next entry, which then follows it.
void ForgedLog::ForgeTally(OpenedEntry& next) {
  const auto proposed = Last(EventType::kPolicyProposed);
  if (!proposed) return;
  const auto& proposal = std::get<ledger::PolicyProposed>(entries_[*proposed].record.event);
  ledger::PolicyAdopted adopted;
  adopted.proposal = *proposed;
  adopted.policy = Sha256(AsBytes(proposal.policy));
  adopted.tally.houses = {{ledger::House::kPrivate, 4, 3, 0, 0}};
  ledger::Record record = next.record;
  record.event = adopted;
  const OpenedEntry forged = Resealed(record);
  Put(forged);
  ledger::Record after = next.record;
  after.actor_seq += 1;
  after.prev_actor_digest = forged.payload_digest;
  next = Resealed(after);
  done_ = true;
}

// A second officer of a member that has one, made here; it takes the member's data back.
void ForgedLog::Impersonate(OpenedEntry& next) {
  MemberId member;
  DatasetId dataset;
  for (const OpenedEntry& entry : entries_) {
    const auto* seat = std::get_if<ledger::MemberAdmitted>(&entry.record.event);
    if (seat != nullptr && seat->role == ledger::Role::kOfficer) member = seat->member;
  }
  for (const OpenedEntry& entry : entries_) {
    const auto* lent = std::get_if<ledger::DatasetRegistered>(&entry.record.event);
    if (lent != nullptr && entry.record.actor.member == member) dataset = lent->what.dataset;
  }
  if (dataset.empty()) return;
  const auto officer = Ed25519Signer::Generate();
  ledger::Record record = next.record;
  record.event = ledger::MemberAdmitted{member, *SiteId::Parse("second-desk"),
                                        ledger::Role::kOfficer, officer->Key()};
  const OpenedEntry admitted = Resealed(record);
  Put(admitted);
  ledger::Record said = record;
  said.actor = {member, officer->Key(), ledger::Role::kOfficer};
  said.actor_seq = 0;
  said.prev_actor_digest = {};
  said.event = ledger::DatasetWithdrawn{dataset, "owner", ledger::WithdrawalScope::kRestart,
                                        Moved(record.occurred_at, kAhead)};
  Put(Resealed(said, *officer));
  ledger::Record after = next.record;
  after.actor_seq += 1;
  after.prev_actor_digest = admitted.payload_digest;
  next = Resealed(after);
  done_ = true;
}

// The aggregator and one site are of one mind: the site says what its steps cannot have read.
bool ForgedLog::Overstate(OpenedEntry& next) const {
  ledger::Record record = next.record;
  auto* said = std::get_if<ledger::ContributionSubmitted>(&record.event);
  const bool ours =
      said != nullptr && keys_.colluder != nullptr && record.actor.key == keys_.colluder->Key();
  if (!ours) return false;
  said->tokens *= 1000;
  next = Resealed(record, *keys_.colluder);
  return true;
}

// Somebody contributed, was left out for it, and is counted after all.
bool ForgedLog::CountLeftOut(OpenedEntry& next) const {
  ledger::Record record = next.record;
  auto* closed = std::get_if<ledger::RoundClosed>(&record.event);
  if (closed == nullptr) return false;
  for (uint64_t i = entries_.size(); i > 0; --i) {
    const auto* said = std::get_if<ledger::ContributionSubmitted>(&entries_[i - 1].record.event);
    if (said == nullptr || said->at != closed->at) continue;
    const auto out = std::ranges::find(closed->excluded, said->site, &ledger::ExcludedSite::site);
    if (out == closed->excluded.end()) continue;
    closed->submissions.push_back({i - 1, said->site, said->weight});
    std::ranges::sort(closed->submissions, {}, &ledger::CountedSubmission::site);
    closed->excluded.erase(out);
    next = Resealed(record);
    return true;
  }
  return false;
}

// What was decided as a refusal, with the words of some admission.
template <typename Decided>
bool ForgedLog::AdmitRefused(OpenedEntry& next) const {
  ledger::Record record = next.record;
  auto* decided = std::get_if<Decided>(&record.event);
  if (decided == nullptr || decided->admit) return false;
  decided->admit = true;
  for (const OpenedEntry& entry : entries_) {
    const auto* other = std::get_if<Decided>(&entry.record.event);
    if (other != nullptr && other->admit) decided->decision = other->decision;
  }
  next = Resealed(record);
  return true;
}

// What was decided, with a sentence of the forger's own that is said to be in older words.
bool ForgedLog::Reword(OpenedEntry& next) const {
  ledger::Record record = next.record;
  auto* decided = std::get_if<ledger::AdmissionDecided>(&record.event);
  if (decided == nullptr) return false;
  auto decision = rules::DecisionFromJson(decided->decision);
  if (!decision || decision->permissions.empty()) return false;
  decision->permissions.front().because = {"Its owner asked for it.", "권리자가 요청했습니다."};
  decision->words = 0;
  decided->decision = rules::ToJson(*decision);
  next = Resealed(record);
  return true;
}

bool ForgedLog::OpenElsewhere(OpenedEntry& next) const {
  ledger::Record record = next.record;
  auto* opened = std::get_if<ledger::RoundOpened>(&record.event);
  if (opened == nullptr) return false;
  opened->base_model = Sha256(AsBytes("a model that nobody made"));
  next = Resealed(record);
  return true;
}

// What is about to be appended says something else, if it is of the act's kind.
bool ForgedLog::Alter(OpenedEntry& next) const {
  if (act_ == Act::kAdmit) return AdmitRefused<ledger::AdmissionDecided>(next);
  if (act_ == Act::kMeasure) return AdmitRefused<ledger::EvaluationDecided>(next);
  return act_ == Act::kReword ? Reword(next) : OpenElsewhere(next);
}

void ForgedLog::Commit(OpenedEntry& next) {
  const bool own = next.record.actor.key == keys_.aggregator->Key();
  const auto contribution = Last(EventType::kContributionSubmitted);
  const auto oldest = First(EventType::kContributionSubmitted);
  ledger::Record record = next.record;
  switch (act_) {
    case Act::kNone:
    case Act::kSlow:
      return;
    case Act::kRewrite: {
      const auto proposed = Last(EventType::kRunProposed);
      if (!proposed) return;
      ledger::Record old = entries_[*proposed].record;
      std::get<ledger::RunProposed>(old.event).fields["purpose"] = "commercial-service";
      entries_[*proposed] = Resealed(old);
      Rebuild();
      break;
    }
    case Act::kDrop:  // of what every site holds
      if (!oldest) return;
      entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(*oldest));
      Rebuild();
      break;
    case Act::kReorder:
      if (!oldest || *oldest + 1 >= entries_.size()) return;
      std::swap(entries_[*oldest], entries_[*oldest + 1]);
      Rebuild();
      break;
    case Act::kBackdate:
    case Act::kPostdate:
      if (!own) return;
      record.occurred_at = Moved(record.occurred_at, act_ == Act::kPostdate ? kAhead : kBack);
      next = Resealed(record);
      break;
    case Act::kImpersonate:
      // As a round opens, which can still leave the member out: its closing is no lie besides.
      return TypeOf(record.event) == EventType::kRoundOpened ? Impersonate(next) : void();
    case Act::kReplay:
      if (!contribution) return;
      Put(entries_[*contribution]);
      break;
    case Act::kTally:
      return own ? ForgeTally(next) : void();
    case Act::kAdmit:
    case Act::kMeasure:
    case Act::kReword:
    case Act::kBase:
      if (!Alter(next)) return;
      break;
    case Act::kWeight: {
      auto* closed = std::get_if<ledger::RoundClosed>(&record.event);
      if (closed == nullptr || closed->submissions.empty()) return;
      closed->submissions.front().weight += 1;
      next = Resealed(record);
      break;
    }
    case Act::kVoid:
      overstated_ = overstated_ || Overstate(next);
      if (!overstated_ || !CountLeftOut(next)) return;
      break;
    case Act::kWithdrawn:
      if (!CountLeftOut(next)) return;
      break;
    case Act::kSwallow:
      if (TypeOf(record.event) != EventType::kDatasetWithdrawn) return;
      break;
  }
  done_ = true;
}

}  // namespace dure::adversary
