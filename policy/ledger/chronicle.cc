#include "policy/ledger/chronicle.h"

#include <algorithm>
#include <array>

namespace dure::ledger {
namespace {

constexpr std::array<std::string_view, 12> kReasons = {
    "malformed-head",   "foreign-key",        "rollback",        "fork",
    "truncated",        "rewritten",          "malformed-entry", "bad-signature",
    "key-not-admitted", "actor-chain-broken", "anchor-mismatch", "rule-broken"};

bool MaySay(Role role, EventType type) {
  switch (type) {
    case EventType::kContributionSubmitted:
      return role == Role::kSite;
    case EventType::kEvaluationReported:
      return true;
    case EventType::kDatasetRegistered:
    case EventType::kConsentGiven:
    case EventType::kDatasetWithdrawn:
      return role == Role::kSite || role == Role::kOfficer;
    case EventType::kPolicyProposed:
    case EventType::kVoteCast:
      return role == Role::kOfficer;
    case EventType::kCosignerAnnounced:
      return role == Role::kSite;
    case EventType::kMemberDescribed:
      return role == Role::kAggregator || role == Role::kOperator;
    case EventType::kGrantRevoked:
    case EventType::kWithdrawalClosed:
    case EventType::kShareComputed:
      return role == Role::kAggregator || role == Role::kOfficer;
    case EventType::kIncidentReported:
    case EventType::kIncidentClosed:
      return role != Role::kResearcher;
    case EventType::kDutyFulfilled:
      return role == Role::kSite || role == Role::kOfficer || role == Role::kResearcher;
    case EventType::kDisclosureExported:
      return role == Role::kOfficer || role == Role::kResearcher;
    case EventType::kRunProposed:
      return role == Role::kAggregator || role == Role::kOfficer || role == Role::kOperator;
    case EventType::kKeyRevoked:
      return role != Role::kResearcher;
    case EventType::kConsortiumGenesis:
    case EventType::kMemberAdmitted:
    case EventType::kRoundOpened:
    case EventType::kContributionReceipted:
    case EventType::kRoundClosed:
    case EventType::kRoundAbandoned:
    case EventType::kCharterDeclared:
    case EventType::kPolicyDeclared:
    case EventType::kPolicyAdopted:
    case EventType::kPolicyRejected:
    case EventType::kRunApproved:
    case EventType::kRunHalted:
    case EventType::kAdmissionDecided:
    case EventType::kGrantDecided:
    case EventType::kCoalitionsMade:
    case EventType::kEvaluationDecided:
      return role == Role::kAggregator;
  }
  return false;
}

std::string Text(const RoundAttempt& at) {
  return at.run.str() + "/" + std::to_string(at.round.value) + "/" + std::to_string(at.attempt);
}

}  // namespace

std::string_view Name(RefusalReason reason) { return kReasons[static_cast<size_t>(reason)]; }

Error AsError(const Refusal& refusal) {
  Error error;
  switch (refusal.reason) {
    case RefusalReason::kMalformedHead:
    case RefusalReason::kMalformedEntry:
      error.code = ErrorCode::kInvalid;
      break;
    case RefusalReason::kForeignKey:
    case RefusalReason::kBadSignature:
      error.code = ErrorCode::kUnauthenticated;
      break;
    case RefusalReason::kKeyNotAdmitted:
      error.code = ErrorCode::kPermissionDenied;
      break;
    case RefusalReason::kRollback:
    case RefusalReason::kFork:
    case RefusalReason::kTruncated:
    case RefusalReason::kRewritten:
      error.code = ErrorCode::kCorrupt;
      break;
    case RefusalReason::kActorChainBroken:
    case RefusalReason::kAnchorMismatch:
    case RefusalReason::kRuleBroken:
      error.code = ErrorCode::kFailedPrecondition;
      break;
  }
  error.message = std::string(Name(refusal.reason));
  if (refusal.index) error.message += " at entry " + std::to_string(*refusal.index);
  error.message += ": " + refusal.text;
  return error;
}

Refusal RefusalOf(const Error& opening, uint64_t index) {
  const bool signature = opening.code == ErrorCode::kUnauthenticated;
  return {signature ? RefusalReason::kBadSignature : RefusalReason::kMalformedEntry,
          index,
          opening.message,
          {},
          {}};
}

Refusal Chronicle::Refuse(RefusalReason reason, std::string text) const {
  return {reason, size_, std::move(text), {}, {}};
}

std::optional<Refusal> Chronicle::Admit(const OpenedEntry& entry, const RootLookup& root_at) {
  if (auto refusal = CheckSpeaker(entry.record)) return refusal;
  if (auto refusal = CheckCommon(entry.record, root_at)) return refusal;
  if (auto refusal = CheckEvent(entry.record)) return refusal;
  Apply(entry);
  return std::nullopt;
}

ActorChain Chronicle::ChainOf(const PublicKey& key) const {
  const auto found = chains_.find(key);
  return found == chains_.end() ? ActorChain() : found->second;
}

const AdmittedKey* Chronicle::Find(const PublicKey& key) const {
  const auto found = keys_.find(key);
  return found == keys_.end() ? nullptr : &found->second;
}

std::optional<Refusal> Chronicle::CheckSpeaker(const Record& record) const {
  const auto* genesis = std::get_if<ConsortiumGenesis>(&record.event);
  if ((size_ == 0) != (genesis != nullptr)) {
    return Refuse(RefusalReason::kRuleBroken, "a log starts with one consortium genesis");
  }
  if (genesis != nullptr) {
    if (record.actor.role != Role::kAggregator || record.actor.key != genesis->aggregator_key) {
      return Refuse(RefusalReason::kKeyNotAdmitted,
                    "the genesis is signed by the aggregator it names");
    }
    if (genesis->log_vkey != log_key_.Vkey()) {
      return Refuse(RefusalReason::kRuleBroken,
                    "the genesis names another log key than the one expected");
    }
    return std::nullopt;
  }
  const AdmittedKey* speaker = Find(record.actor.key);
  if (speaker == nullptr) {
    return Refuse(
        RefusalReason::kKeyNotAdmitted,
        "the key that claims to be " + record.actor.member.str() + "'s was never admitted");
  }
  if (speaker->revoked) {
    return Refuse(RefusalReason::kKeyNotAdmitted,
                  "the key of " + speaker->member.str() + " was revoked");
  }
  if (speaker->member != record.actor.member || speaker->role != record.actor.role) {
    return Refuse(RefusalReason::kKeyNotAdmitted,
                  "the key was admitted for " + speaker->member.str() + " as " +
                      std::string(Name(speaker->role)) + ", not for " + record.actor.member.str() +
                      " as " + std::string(Name(record.actor.role)));
  }
  const EventType type = TypeOf(record.event);
  if (!MaySay(speaker->role, type)) {
    return Refuse(RefusalReason::kKeyNotAdmitted, "the role " + std::string(Name(speaker->role)) +
                                                      " may not record " + std::string(Name(type)));
  }
  return std::nullopt;
}

std::optional<Refusal> Chronicle::CheckCommon(const Record& record,
                                              const RootLookup& root_at) const {
  if (record.federation != log_key_.name) {
    return Refuse(RefusalReason::kRuleBroken,
                  "the event is for the log " + record.federation + ", not for " + log_key_.name);
  }
  const ActorChain chain = ChainOf(record.actor.key);
  if (record.actor_seq != chain.next_seq) {
    return Refuse(RefusalReason::kActorChainBroken,
                  "event " + std::to_string(record.actor_seq) + " of " + record.actor.member.str() +
                      " where " + std::to_string(chain.next_seq) + " was due");
  }
  if (record.prev_actor_digest != chain.prev_digest) {
    return Refuse(RefusalReason::kActorChainBroken, "event " + std::to_string(record.actor_seq) +
                                                        " of " + record.actor.member.str() +
                                                        " does not follow its previous one");
  }
  const std::optional<Digest> root =
      record.anchor.size <= size_ ? root_at(record.anchor.size) : std::nullopt;
  if (root != record.anchor.root) {
    return Refuse(RefusalReason::kAnchorMismatch,
                  record.actor.member.str() + " signed that the log of " +
                      std::to_string(record.anchor.size) + " entries has root " +
                      record.anchor.root.Hex() + "; here it has " +
                      (root ? root->Hex() : std::string("no such size")));
  }
  return std::nullopt;
}

std::optional<Refusal> Chronicle::CheckEvent(const Record& record) const {
  if (const auto* e = std::get_if<RoundOpened>(&record.event)) return Check(*e);
  if (const auto* e = std::get_if<ContributionReceipted>(&record.event)) return Check(*e);
  if (const auto* e = std::get_if<RoundClosed>(&record.event)) return Check(*e);
  if (const auto* e = std::get_if<ContributionSubmitted>(&record.event)) {
    return Check(*e, keys_.at(record.actor.key));
  }
  if (const auto* e = std::get_if<RunProposed>(&record.event)) {
    if (runs_.contains(e->run)) {
      return Refuse(RefusalReason::kRuleBroken, "the run " + e->run.str() + " was proposed before");
    }
  }
  if (const auto* e = std::get_if<CosignerAnnounced>(&record.event)) {
    const auto why_not = cosigners_->WhyNot(*e, keys_.at(record.actor.key).site);
    if (why_not) return Refuse(RefusalReason::kRuleBroken, *why_not);
  }
  if (const auto* e = std::get_if<RoundAbandoned>(&record.event)) {
    const auto open = open_.find(e->at);
    if (open == open_.end() || open->second.base_model != e->base_model) {
      return Refuse(RefusalReason::kRuleBroken,
                    "the abandoned round " + Text(e->at) + " is not open");
    }
  }
  return CheckKeyEvent(record);
}

std::optional<Refusal> Chronicle::CheckKeyEvent(const Record& record) const {
  if (const auto* e = std::get_if<MemberAdmitted>(&record.event)) {
    if (Find(e->key) != nullptr) {
      return Refuse(RefusalReason::kRuleBroken,
                    "a key is admitted once; " + e->member.str() + "'s was before");
    }
    if (e->role == Role::kAggregator) {
      return Refuse(RefusalReason::kRuleBroken, "the aggregator's key stands in the genesis");
    }
  }
  if (const auto* e = std::get_if<KeyRevoked>(&record.event)) {
    const AdmittedKey* key = Find(e->key);
    // A key that was never its own a member may disown whoever ended it: so what it said is void.
    const bool disowns = record.actor.role != Role::kAggregator && e->reason == "disowned";
    if (key == nullptr || (key->revoked && !disowns) || key->member != e->member) {
      return Refuse(RefusalReason::kRuleBroken, "the revoked key is not one of " + e->member.str());
    }
    if (record.actor.role != Role::kAggregator && record.actor.member != e->member) {
      return Refuse(RefusalReason::kKeyNotAdmitted, "a member revokes its own keys only");
    }
  }
  return std::nullopt;
}

std::optional<Refusal> Chronicle::Check(const RoundOpened& event) const {
  if (!runs_.contains(event.at.run)) {
    return Refuse(RefusalReason::kRuleBroken,
                  "the run " + event.at.run.str() + " was never proposed");
  }
  if (open_.contains(event.at)) {
    return Refuse(RefusalReason::kRuleBroken, "the round " + Text(event.at) + " was opened before");
  }
  return std::nullopt;
}

std::optional<Refusal> Chronicle::Check(const ContributionSubmitted& event,
                                        const AdmittedKey& speaker) const {
  if (speaker.site != event.site) {
    return Refuse(RefusalReason::kKeyNotAdmitted,
                  "the key of " + speaker.site.str() + " cannot submit for " + event.site.str());
  }
  const auto open = open_.find(event.at);
  if (open == open_.end()) {
    return Refuse(RefusalReason::kRuleBroken, "the round " + Text(event.at) + " is not open");
  }
  if (open->second.base_model != event.base_model) {
    return Refuse(RefusalReason::kRuleBroken,
                  "the submission starts from another base model than its round");
  }
  if (!open->second.cohort.contains(event.site)) {
    return Refuse(RefusalReason::kRuleBroken,
                  event.site.str() + " is not in the cohort of " + Text(event.at));
  }
  for (const auto& [index, submission] : submissions_) {
    if (submission.at == event.at && submission.site == event.site) {
      return Refuse(RefusalReason::kRuleBroken, event.site.str() + " submitted to " +
                                                    Text(event.at) + " before, at entry " +
                                                    std::to_string(index));
    }
  }
  return std::nullopt;
}

std::optional<Refusal> Chronicle::Check(const ContributionReceipted& event) const {
  const auto found = submissions_.find(event.submission);
  if (found == submissions_.end() || found->second.at != event.at ||
      found->second.leaf != event.submission_leaf) {
    return Refuse(RefusalReason::kRuleBroken, "entry " + std::to_string(event.submission) +
                                                  " is not that submission to " + Text(event.at));
  }
  return std::nullopt;
}

std::optional<Refusal> Chronicle::Check(const RoundClosed& event) const {
  if (!open_.contains(event.at)) {
    return Refuse(RefusalReason::kRuleBroken,
                  "the closed round " + Text(event.at) + " is not open");
  }
  for (const CountedSubmission& counted : event.submissions) {
    const auto found = submissions_.find(counted.submission);
    if (found == submissions_.end() || found->second.at != event.at ||
        found->second.site != counted.site || found->second.weight != counted.weight) {
      return Refuse(RefusalReason::kRuleBroken,
                    "the round counts entry " + std::to_string(counted.submission) + " as " +
                        counted.site.str() + "'s with weight " + std::to_string(counted.weight) +
                        ", which is not what that entry says");
    }
    if ((counted.weight == 0) != event.sums.has_value()) {
      return Refuse(RefusalReason::kRuleBroken,
                    "the round counts entry " + std::to_string(counted.submission) +
                        (event.sums ? " under sums, which is not masked"
                                    : ", which is masked, without the sums of the round"));
    }
  }
  return std::nullopt;
}

void Chronicle::Forget(const RoundAttempt& at) { open_.erase(at); }

void Chronicle::Apply(const OpenedEntry& entry) {
  const Record& record = entry.record;
  if (const auto* e = std::get_if<ConsortiumGenesis>(&record.event)) {
    keys_[e->aggregator_key] = {record.actor.member, {}, Role::kAggregator, false};
  } else if (const auto* admitted = std::get_if<MemberAdmitted>(&record.event)) {
    keys_[admitted->key] = {admitted->member, admitted->site, admitted->role, false};
  } else if (const auto* revoked = std::get_if<KeyRevoked>(&record.event)) {
    keys_[revoked->key].revoked = true;
  } else if (const auto* proposed = std::get_if<RunProposed>(&record.event)) {
    runs_.insert(proposed->run);
  } else if (const auto* opened = std::get_if<RoundOpened>(&record.event)) {
    // Submissions stay known until the run's next round opens, so that a late one can still be
    // receipted.
    std::erase_if(submissions_, [&](const auto& item) {
      return item.second.at.run == opened->at.run && !open_.contains(item.second.at);
    });
    open_[opened->at] = {opened->base_model, {opened->cohort.begin(), opened->cohort.end()}};
  } else if (const auto* submitted = std::get_if<ContributionSubmitted>(&record.event)) {
    submissions_[size_] = {submitted->at, submitted->site, submitted->weight, entry.leaf};
  } else if (const auto* closed = std::get_if<RoundClosed>(&record.event)) {
    Forget(closed->at);
  } else if (const auto* abandoned = std::get_if<RoundAbandoned>(&record.event)) {
    Forget(abandoned->at);
  }
  if (CosignerRoll::Takes(record.event)) {
    // One that anybody reads is also held by the chronicle that was published (stored_log.h).
    if (cosigners_.use_count() > 1) cosigners_ = std::make_shared<CosignerRoll>(*cosigners_);
    cosigners_->Take(size_, record, keys_.at(record.actor.key).site);
  }
  chains_[record.actor.key] = {record.actor_seq + 1, entry.payload_digest};
  ++size_;
}

}  // namespace dure::ledger
