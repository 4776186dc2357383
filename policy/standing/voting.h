// Votes: who may cast one, how they are counted, and what is due. Pure.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "policy/rules/policy.h"
#include "policy/rules/versions.h"
#include "policy/standing/state.h"

namespace dure::standing {

// A member that stands in a house, has an officer and is not suspended.
bool MayVote(const Member& member);

// Members that count in a vote, and that have nobody who may vote for them.
std::vector<MemberId> MembersWithoutOfficer(const State& state);

// From this version of the words on (rules/versions.h) a house of which nobody voted has not said
// yes, and every member counts that lends from a site or has an officer: of those that have none
// nobody can vote, but neither can one officer speak for them all. Records of builds that counted
// members with officers alone are replayed as they are.
inline constexpr uint32_t kEveryMemberCountsSince = 4;

// From this version of the words on nobody ends a vote that was cast by ending its key, but the
// member that disowns it; and whoever could vote when something was proposed counts until the vote
// is over, unless it ended its own keys. Else the aggregator, which may end every key, would choose
// whose votes count.
inline constexpr uint32_t kVotesOutliveKeysSince = 5;

// A member has no voice in the vote on its own suspension, if that begins in words of this version
// or later: else one that is alone in its house could not be suspended but by its own leave. So
// much the others have to agree for: two of them at least say yes, and where its house is left
// without anybody all others together stand in for it, of whom the charter's quorum has to say yes.
// A vote that began in older words ends by them.
inline constexpr uint32_t kNoVoiceInOwnSuspensionSince = 7;
inline constexpr uint64_t kAccusersMin = 2;

// Those that count in a vote that begins now.
std::set<MemberId> ElectorsNow(const State& state);

// Counts the votes, per house, whatever the moment: of members that may vote now, or whose votes
// outlive their keys.
ledger::Tally CountVotes(const Proposal& proposal, const State& state,
                         uint32_t words = rules::kWordsVersion);

// Whether a dataset's owner voted no to the run and has not consented to it since.
bool OwnerSaidNo(const State& state, const RunId& run, const Dataset& dataset);

struct Outcome {
  bool adopt = false;
  std::string reason;  // of a rejection: "quorum", "house", "superseded", "rule-taken"
  ledger::Tally tally;
  bool operator==(const Outcome&) const = default;
};
// What the aggregator has to record of a proposal at this moment; nullopt: the vote goes on.
//   Adopted: enough votes were cast, somebody of each house voted, and in each that said yes or no
//   more than its share said yes; once everybody voted or the window is over. Rejected: the same
//   moment, otherwise.
//   Emergency rules: at once when enough members, each of another house, said yes; rejected when
//   the window is over and they did not. Until words of version 5 whoever waited for the end of the
//   window could reject one that had its votes.
//   A run that was halted is voted on no more: nothing is due.
//   A text that was proposed in the place of policies which others have replaced since is rejected
//   at once ("superseded"): it would undo what it never spoke of.
//   A text with a rule whose name another text holds that would decide beside it is rejected when
//   it would be adopted ("rule-taken"): nothing could be decided under both.
// `words`: as a build of these words ends it.
std::optional<Outcome> DueOutcome(const Proposal& proposal, const State& state, rules::Instant now,
                                  uint32_t words = rules::kWordsVersion);
// The same of this build's words for whoever asks about several: `electors` are ElectorsNow(state).
std::optional<Outcome> DueOutcome(const Proposal& proposal, const State& state, rules::Instant now,
                                  const std::set<MemberId>& electors);
inline constexpr uint32_t kSupersededEndsSince = 3;
inline constexpr uint32_t kRuleNamesAreOneSince = 4;
inline constexpr uint32_t kHaltedIsOverSince = 4;
inline constexpr uint32_t kVotedRulesStandSince = 5;
// The vote is on a run that was halted meanwhile.
bool IsHalted(const Proposal& proposal, const State& state);

// From this version of the words on so many policies of one member are voted on at a time, more
// than people read: each is counted again whenever one more member is let in, or one leaves. And
// the window of one that claims to be of the future begins with the aggregator's next entry.
inline constexpr uint32_t kProposalsAreBoundedSince = 5;
inline constexpr size_t kOpenProposalsMax = 32;
size_t OpenProposalsOf(const State& state, const MemberId& member);

RuleNames NamesOf(const rules::Policy& policy);
// A rule whose name is taken, and by what.
struct TakenRule {
  std::string rule;
  std::string policy;                   // the English name of the text that holds it
  RunId run;                            // that was approved under that text; empty: it is in force
  std::optional<rules::Instant> until;  // of an emergency text
  std::string Text() const;
};
// Whether a text would decide beside another that has a rule of the same name: beside those in
// force but the one that it replaces, emergency texts, and, as one itself, those of approved runs.
// The same text again is no other.
std::optional<TakenRule> FindTakenRule(const State& state, ledger::ProposalKind kind,
                                       const Digest& text, const RuleNames& names,
                                       rules::Instant now);
// The moment after which no vote counts.
rules::Instant WindowEnd(const Proposal& proposal, const State& state);

}  // namespace dure::standing
