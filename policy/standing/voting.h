// Votes: who may cast one, how they are counted, and what is due. Pure.
#pragma once

#include <optional>
#include <string>

#include "policy/standing/state.h"

namespace dure::standing {

// A member that stands in a house, has an officer and is not suspended.
bool MayVote(const Member& member);

// Counts the votes of members that may vote now, per house, whatever the moment.
ledger::Tally CountVotes(const Proposal& proposal, const State& state);

struct Outcome {
  bool adopt = false;
  std::string reason;  // of a rejection: "quorum", "house", "superseded"
  ledger::Tally tally;
  bool operator==(const Outcome&) const = default;
};
// What the aggregator has to record of a proposal at this moment; nullopt: the vote goes on.
//   Adopted: enough votes were cast, and in each house that said yes or no more than its share said
//   yes; once everybody voted or the window is over. Rejected: the same moment, otherwise.
//   Emergency rules: at once when enough members, each of another house, said yes; rejected when
//   the window is over.
//   A run that was halted is voted on no more: nothing is due.
//   A text that was proposed in the place of policies which others have replaced since is rejected
//   at once ("superseded"): it would undo what it never spoke of.
std::optional<Outcome> DueOutcome(const Proposal& proposal, const State& state, rules::Instant now);
// The vote is on a run that was halted meanwhile.
bool IsHalted(const Proposal& proposal, const State& state);
// The same of the votes alone: all that builds of words before this version looked at.
inline constexpr uint32_t kSupersededEndsSince = 3;
std::optional<Outcome> DueByVotes(const Proposal& proposal, const State& state, rules::Instant now);
// The moment after which no vote counts.
rules::Instant WindowEnd(const Proposal& proposal, const State& state);

}  // namespace dure::standing
