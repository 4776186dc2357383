// What each act does to the log, or to what is about to be appended.
#include <algorithm>

#include "policy/rules/decision.h"
#include "tests/adversary/forged_log.h"

namespace dure::adversary {

using ledger::EventType;
using ledger::OpenedEntry;

namespace {

constexpr std::chrono::hours kBack{-1};

}  // namespace

std::string Moved(const std::string& time, std::chrono::minutes by) {
  const auto at = rules::Instant::Parse(time);
  return at ? FormatRfc3339(WallTime(std::chrono::seconds(at->seconds)) + by) : time;
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
  PutBefore(next, adopted);
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

// A site of one mind with the aggregator puts its name to what another has submitted.
bool ForgedLog::Copy(OpenedEntry& next) const {
  ledger::Record record = next.record;
  auto* said = std::get_if<ledger::ContributionSubmitted>(&record.event);
  const bool ours =
      said != nullptr && keys_.colluder != nullptr && record.actor.key == keys_.colluder->Key();
  if (!ours) return false;
  for (const OpenedEntry& entry : entries_) {
    const auto* other = std::get_if<ledger::ContributionSubmitted>(&entry.record.event);
    if (other == nullptr || other->at != said->at) continue;
    said->contribution = other->contribution;
    next = Resealed(record, *keys_.colluder);
    return true;
  }
  return false;
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

bool ForgedLog::Mislabel(OpenedEntry& next) const {
  ledger::Record record = next.record;
  auto* proposed = std::get_if<ledger::RunProposed>(&record.event);
  if (proposed == nullptr) return false;
  proposed->fields["masking"] = "pairwise";
  next = Resealed(record);
  return true;
}

bool ForgedLog::Reweigh(OpenedEntry& next) const {
  ledger::Record record = next.record;
  auto* closed = std::get_if<ledger::RoundClosed>(&record.event);
  if (closed == nullptr || closed->submissions.empty()) return false;
  closed->submissions.front().weight += 1;
  next = Resealed(record);
  return true;
}

// What is about to be appended says something else, if it is of the act's kind.
bool ForgedLog::Alter(OpenedEntry& next) {
  if (act_ == Act::kOver) return OpenOver(next);
  if (act_ == Act::kWeight) return Reweigh(next);
  if (act_ == Act::kGrantUnknown || act_ == Act::kMeasureUnknown) return DecideUnknown(next);
  if (act_ == Act::kAdmit) return AdmitRefused<ledger::AdmissionDecided>(next);
  if (act_ == Act::kMeasure) return AdmitRefused<ledger::EvaluationDecided>(next);
  if (act_ == Act::kMislabel) return Mislabel(next);
  return act_ == Act::kReword ? Reword(next) : OpenElsewhere(next);
}

bool ForgedLog::Rewrite() {
  const auto proposed = Last(EventType::kRunProposed);
  if (!proposed) return false;
  ledger::Record old = entries_[*proposed].record;
  std::get<ledger::RunProposed>(old.event).fields["purpose"] = "commercial-service";
  entries_[*proposed] = Resealed(old);
  Rebuild();
  return true;
}

bool ForgedLog::Hide(EventType next) {
  const auto from = act_ == Act::kSilent ? EventType::kRunApproved : EventType::kAdmissionDecided;
  if (next != from) return false;
  shown_ = entries_.size();
  return true;
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
    case Act::kRewrite:
      if (!Rewrite()) return;
      break;
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
      // Before data is admitted, so that the member's is not: what follows is no lie besides.
      return TypeOf(record.event) == EventType::kAdmissionDecided ? Impersonate(next) : void();
    case Act::kReplay:
      if (!contribution) return;
      Put(entries_[*contribution]);
      break;
    case Act::kTally:
      return own ? ForgeTally(next) : void();
    case Act::kAdmit:
    case Act::kMeasure:
    case Act::kMislabel:
    case Act::kReword:
    case Act::kBase:
    case Act::kWeight:
    case Act::kOver:
    case Act::kGrantUnknown:
    case Act::kMeasureUnknown:
      if (!Alter(next)) return;
      break;
    case Act::kVoid:
    case Act::kTwice:
      misstated_ = misstated_ || (act_ == Act::kVoid ? Overstate(next) : Copy(next));
      if (!misstated_ || !CountLeftOut(next)) return;
      break;
    case Act::kWithdrawn:
      if (!CountLeftOut(next)) return;
      break;
    case Act::kSilent:
    case Act::kUnadmitted:
      if (!Hide(TypeOf(record.event))) return;
      break;
    case Act::kUnsettled:
      if (crept_ < 4 * kCreep) return;  // more than half an hour after the first behind it
      break;
    case Act::kSwallow:
      if (TypeOf(record.event) != EventType::kDatasetWithdrawn) return;
      break;
  }
  done_ = true;
}

}  // namespace dure::adversary
