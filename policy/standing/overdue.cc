#include "policy/standing/overdue.h"

#include <algorithm>

#include "policy/standing/admission.h"
#include "policy/standing/fold.h"
#include "policy/standing/voting.h"

namespace dure::standing {
namespace {

bool EndsAVote(const Standing& now, const ledger::Event& event) {
  if (std::holds_alternative<ledger::PolicyAdopted>(event)) return true;
  if (std::holds_alternative<ledger::PolicyRejected>(event)) return true;
  const auto* approved = std::get_if<ledger::RunApproved>(&event);
  if (approved == nullptr) return false;
  const auto run = now.state().runs.find(approved->run);
  return run != now.state().runs.end() && run->second.by_vote;
}

// It changes whom votes count, or what they are about.
bool ChangesVotes(const ledger::Event& event) {
  return std::holds_alternative<ledger::MemberAdmitted>(event) ||
         std::holds_alternative<ledger::MemberDescribed>(event) ||
         std::holds_alternative<ledger::KeyRevoked>(event) ||
         std::holds_alternative<ledger::PolicyAdopted>(event);
}

// At this moment of the aggregator's: it was away, and begins again.
bool BeginsAnew(const Standing& now, const OpenVote& vote, rules::Instant at) {
  return vote.since && vote.renewed < kGraceAnewMax &&
         at.seconds - now.latest().seconds > kOutcomeGraceSeconds;
}

}  // namespace

std::vector<DueVote> DueVotes(const Standing& now, rules::Instant at) {
  std::vector<std::pair<uint64_t, DueVote>> found;  // by the entry at which it was due
  const State& state = now.state();
  for (const auto& [index, vote] : state.open_votes) {
    if (!DueOutcome(state.proposals.at(index), state, at)) continue;
    const rules::Instant since = BeginsAnew(now, vote, at) ? at : vote.since.value_or(at);
    found.push_back({vote.due.value_or(now.size()), {index, since}});
  }
  std::ranges::sort(found);
  std::vector<DueVote> due;
  for (const auto& [entry, one] : found) due.push_back(one);
  return due;
}

bool IsOverdue(const Standing& now, const DueVote& due, rules::Instant at) {
  return NewestWords(now.state()) >= kOutcomesAreDueSince &&
         at.seconds - due.since.seconds > kOutcomeGraceSeconds;
}

MaybeBreach NothingIsOverdue(const Standing& now, const Said& said) {
  const bool looks = NewestWords(now.state()) >= kOutcomesAreDueSince &&
                     said.role == ledger::Role::kAggregator && !now.state().open_votes.empty();
  if (!looks || EndsAVote(now, said.entry.record.event)) return std::nullopt;
  for (const DueVote& due : DueVotes(now, said.at)) {
    if (!IsOverdue(now, due, said.at)) continue;
    return Breach{"outcome-overdue", "the outcome of the vote on entry " +
                                         std::to_string(due.proposal) + " was due at " +
                                         due.since.ToText() + ", and is not recorded"};
  }
  return std::nullopt;
}

MaybeBreach IsNextOutcome(const Standing& now, const Said& said, uint64_t proposal) {
  if (NewestWords(now.state()) < kOutcomesAreDueSince) return std::nullopt;
  const std::vector<DueVote> due = DueVotes(now, said.at);
  if (due.empty() || due.front().proposal == proposal) return std::nullopt;
  const std::string first = std::to_string(due.front().proposal);
  return Breach{"outcome-order", "the outcome of the vote on entry " + first +
                                     " was due before that of the vote on entry " +
                                     std::to_string(proposal)};
}

void Fold::NoteDue(const Said& said) {
  if (said.role != ledger::Role::kAggregator || state_.open_votes.empty()) return;
  // In a record of older words nobody was held to it.
  const bool looks = NewestWords(state_) >= kOutcomesAreDueSince;
  for (auto& [index, vote] : state_.open_votes) {
    const bool due = DueOutcome(state_.proposals.at(index), state_, said.at).has_value();
    if (!due) vote.due.reset();
    if (due && !vote.due) vote.due = said.index;
    const bool anew = BeginsAnew(standing_, vote, said.at);
    if (!due || !looks) {
      vote.since.reset();
    } else if (!vote.since || anew) {
      vote.since = said.at;
      if (anew) ++vote.renewed;
    }
  }
}

// Nothing that a member says takes the place in the order away again: it may say any later time.
void Fold::NoteVotes(const Said& said) {
  const auto* cast = std::get_if<ledger::VoteCast>(&said.entry.record.event);
  if (cast == nullptr && !ChangesVotes(said.entry.record.event)) return;
  for (auto& [index, vote] : state_.open_votes) {
    if (vote.due) continue;
    if (DueOutcome(state_.proposals.at(index), state_, said.at)) vote.due = said.index;
  }
}

}  // namespace dure::standing
