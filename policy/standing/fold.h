// The fold itself: for each event, whether it holds here, and what it changes. Inside this room
// only; standing.h is the door.
#pragma once

#include <optional>
#include <string>

#include "policy/standing/standing.h"

namespace dure::standing {

// What is wrong with an entry, before it is said whose fault that is.
struct Breach {
  std::string rule;
  std::string text;
  std::string due = {};
};
using MaybeBreach = std::optional<Breach>;

// One entry and who says it.
struct Said {
  const ledger::OpenedEntry& entry;
  uint64_t index;
  rules::Instant at;
  MemberId member;
  SiteId site;
  ledger::Role role;
};

class Fold {
 public:
  explicit Fold(Standing& standing) : standing_(standing), state_(standing.state_) {}

  static std::optional<Said> Hear(const Standing& standing, const ledger::OpenedEntry& entry);
  // Whether it holds.
  static MaybeBreach Holds(const Standing& standing, const Said& said);
  // Whether it may be said today: what holds in a record of an older build may not be said anew.
  static MaybeBreach MaySay(const Standing& standing, const Said& said);
  void Apply(const Said& said);

 private:
  // fold_members.cc
  void Do(const Said& said, const ledger::ConsortiumGenesis& e);
  void Do(const Said& said, const ledger::MemberAdmitted& e);
  void Do(const Said& said, const ledger::KeyRevoked& e);
  void Do(const Said& said, const ledger::MemberDescribed& e);
  void Do(const Said& said, const ledger::CosignerAnnounced& e);
  // fold_policies.cc
  void Do(const Said& said, const ledger::CharterDeclared& e);
  void Do(const Said& said, const ledger::PolicyDeclared& e);
  void Do(const Said& said, const ledger::PolicyProposed& e);
  void Do(const Said& said, const ledger::VoteCast& e);
  void Do(const Said& said, const ledger::PolicyAdopted& e);
  void Do(const Said& said, const ledger::PolicyRejected& e);
  void Do(const Said& said, const ledger::RunProposed& e);
  void Do(const Said& said, const ledger::RunApproved& e);
  void Do(const Said& said, const ledger::RunHalted& e);
  // fold_withdrawals.cc
  void Do(const Said& said, const ledger::DatasetWithdrawn& e);
  void Do(const Said& said, const ledger::WithdrawalClosed& e);
  // fold_datasets.cc
  void Do(const Said& said, const ledger::DatasetRegistered& e);
  void Do(const Said& said, const ledger::ConsentGiven& e);
  void Do(const Said& said, const ledger::GrantDecided& e);
  void Do(const Said& said, const ledger::GrantRevoked& e);
  void Do(const Said& said, const ledger::ShareComputed& e);
  void Do(const Said& said, const ledger::DisclosureExported& e);
  // fold_rounds.cc
  void Do(const Said& said, const ledger::AdmissionDecided& e);
  void Do(const Said& said, const ledger::RoundOpened& e);
  void Do(const Said& said, const ledger::ContributionSubmitted& e);
  void Do(const Said& said, const ledger::ContributionReceipted& e);
  void Do(const Said& said, const ledger::RoundClosed& e);
  void Do(const Said& said, const ledger::RoundAbandoned& e);
  // fold_evaluations.cc
  void Do(const Said& said, const ledger::EvaluationDecided& e);
  void Do(const Said& said, const ledger::EvaluationReported& e);
  // fold_duties.cc
  void Do(const Said& said, const ledger::IncidentReported& e);
  void Do(const Said& said, const ledger::IncidentClosed& e);
  void Do(const Said& said, const ledger::DutyFulfilled& e);
  void Do(const Said& said, const ledger::CoalitionsMade& e);
  void OpenDuties(const Said& said, const std::string& decision, const DutyName& owed);
  bool IsOwed(const DutyName& name, const rules::Obligation& obligation, uint32_t words) const;

  const std::vector<Owing>& ObligationsIn(const std::string& decision);

  void NoteDue(const Said& said);                       // overdue.cc, before it changes anything
  void NoteVotes(const Said& said);                     // overdue.cc, after
  void BeginLateWindows(const Said& said);              // overdue.cc
  void OpenVote(const Said& said, Proposal& proposal);  // fold_policies.cc
  void EndVote(uint64_t proposal) { state_.open_votes.erase(proposal); }
  void ProposeToVote(const Said& said, const RunId& id, const Run& run);
  void VoteOnRunsOfMany(const Said& said);
  void ForgetWhatWasSaidBy(const PublicKey& key);                     // fold_members.cc
  void UseConsents(const Said& said, const ledger::GrantDecided& e);  // fold_datasets.cc
  void CountWords(const std::string& decision);                       // decided.cc
  void PutInForce(const Said& said, const std::string& text);
  void Decisive() { standing_.decisive_size_ = standing_.size_ + 1; }
  // unchanged.cc: what decisions about data hang on may be another by this event. Any may, but for
  // those that are named here.
  template <typename Event>
  void Note(const Event&) {
    standing_.recency_.Note(standing_.size_ + 1);
  }
  void Note(const ledger::AdmissionDecided& e);
  void Note(const ledger::RoundOpened& e);
  void Note(const ledger::ContributionSubmitted&) {}
  void Note(const ledger::ContributionReceipted&) {}

  Standing& standing_;
  State& state_;
};

// facts.cc: what decisions are told of a member, under member.*.
rules::Facts FactsOfMember(const State& state, const MemberId& id, rules::Instant now);

// Whether an event holds, by file as above.
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::MemberAdmitted& e);
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::MemberDescribed& e);
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::CosignerAnnounced& e);
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::CharterDeclared& e);
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::PolicyDeclared& e);
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::PolicyProposed& e);
MaybeBreach CasesHold(const ledger::PolicyProposed& e);
MaybeBreach RulesAreItsOwn(const Standing& now, const Said& said, const ledger::PolicyProposed& e);
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::VoteCast& e);
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::PolicyAdopted& e);
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::PolicyRejected& e);
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::RunApproved& e);
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::RunHalted& e);
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::DatasetRegistered& e);
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::DatasetWithdrawn& e);
MaybeBreach TermsAllow(const Standing& now, const Said& said, const ledger::DatasetWithdrawn& e);
MaybeBreach PassportHolds(const Said& said, const ledger::DatasetRegistered& e);
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::WithdrawalClosed& e);
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::ConsentGiven& e);
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::AdmissionDecided& e);
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::GrantDecided& e);
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::GrantRevoked& e);
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::ShareComputed& e);
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::DisclosureExported& e);
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::RoundOpened& e);
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::ContributionSubmitted& e);
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::RoundClosed& e);
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::EvaluationDecided& e);
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::EvaluationReported& e);
MaybeBreach NamesItsData(const ledger::EvaluationReported& e);
MaybeBreach IsItsOwn(const Standing& now, const ledger::ContributionSubmitted& e);
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::IncidentReported& e);
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::IncidentClosed& e);
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::DutyFulfilled& e);
MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::CoalitionsMade& e);
// overdue.cc: whether an entry of the aggregator comes before outcomes that are overdue, and
// whether this one is the first that is due.
MaybeBreach NothingIsOverdue(const Standing& now, const Said& said);
MaybeBreach IsNextOutcome(const Standing& now, const Said& said, uint64_t proposal);
template <typename Any>
MaybeBreach HoldsIn(const Standing&, const Said&, const Any&) {
  return std::nullopt;  // the chronicle's checks are all there is
}

// What a proposal alone says to decisions about its run (facts.cc).
std::shared_ptr<const rules::Facts> FactsToldBy(const ledger::RunProposed& e);

std::string Text(const RoundAttempt& at);  // "run-1 round 3 (attempt 1)"

}  // namespace dure::standing
