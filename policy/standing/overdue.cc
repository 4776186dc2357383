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

// At this moment of the aggregator's: it was away, and begins again.
bool BeginsAnew(const Standing& now, const OpenVote& vote, rules::Instant at) {
  return vote.since && vote.renewed < kGraceAnewMax &&
         at.seconds - now.latest().seconds > kOutcomeGraceSeconds;
}

}  // namespace

std::vector<DueVote> DueVotes(const Standing& now, rules::Instant at) {
  std::vector<DueVote> due;
  const State& state = now.state();
  for (const auto& [index, vote] : state.open_votes) {
    if (!DueOutcome(state.proposals.at(index), state, at)) continue;
    due.push_back({index, BeginsAnew(now, vote, at) ? at : vote.since.value_or(at)});
  }
  std::ranges::sort(due, [](const DueVote& one, const DueVote& other) {
    return std::tie(one.since, one.proposal) < std::tie(other.since, other.proposal);
  });
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
    const bool due = looks && DueOutcome(state_.proposals.at(index), state_, said.at);
    const bool anew = BeginsAnew(standing_, vote, said.at);
    if (!due) {
      vote.since.reset();
    } else if (!vote.since || anew) {
      vote.since = said.at;
      if (anew) ++vote.renewed;
    }
  }
}

}  // namespace dure::standing
