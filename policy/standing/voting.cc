#include "policy/standing/voting.h"

#include <algorithm>
#include <array>

namespace dure::standing {
namespace {

using ledger::Choice;
using ledger::HouseTally;
using ledger::kHouses;

uint64_t Eligible(const ledger::Tally& tally) {
  uint64_t members = 0;
  for (const HouseTally& house : tally.houses) members += house.members;
  return members;
}
uint64_t Cast(const ledger::Tally& tally) {
  uint64_t cast = 0;
  for (const HouseTally& house : tally.houses) cast += house.yes + house.no + house.abstain;
  return cast;
}
bool HouseAgrees(const HouseTally& house, uint64_t percent) {
  const uint64_t said = house.yes + house.no;
  return said == 0 || house.yes * 100 > percent * said;
}

}  // namespace

bool MayVote(const Member& member) {
  return member.described && member.officers > 0 && !member.suspended;
}

ledger::Tally CountVotes(const Proposal& proposal, const State& state) {
  std::array<HouseTally, kHouses> houses;
  for (size_t i = 0; i < kHouses; ++i) houses[i].house = static_cast<ledger::House>(i);
  for (const auto& [id, member] : state.members) {
    if (MayVote(member)) ++houses[static_cast<size_t>(member.house)].members;
  }
  ledger::Tally tally;
  for (const auto& [id, vote] : proposal.votes) {
    const auto member = state.members.find(id);
    if (member == state.members.end() || !MayVote(member->second)) continue;
    HouseTally& house = houses[static_cast<size_t>(member->second.house)];
    if (vote.choice == Choice::kYes) ++house.yes;
    if (vote.choice == Choice::kNo) ++house.no;
    if (vote.choice == Choice::kAbstain) ++house.abstain;
    tally.votes.push_back(vote.index);
  }
  std::ranges::sort(tally.votes);
  for (const HouseTally& house : houses) {
    if (house.members > 0) tally.houses.push_back(house);
  }
  return tally;
}

rules::Instant WindowEnd(const Proposal& proposal, const State& state) {
  const uint64_t window = state.voting ? state.voting->window_seconds : 0;
  return {proposal.at.seconds + static_cast<int64_t>(window)};
}

bool IsHalted(const Proposal& proposal, const State& state) {
  if (proposal.run.empty()) return false;
  const auto run = state.runs.find(proposal.run);
  return run != state.runs.end() && run->second.halted.has_value();
}

std::optional<Outcome> DueOutcome(const Proposal& proposal, const State& state,
                                  rules::Instant now) {
  if (IsHalted(proposal, state)) return std::nullopt;
  const bool replaces = proposal.run.empty() && proposal.kind == ledger::ProposalKind::kReplace;
  const bool is_open = !proposal.outcome && state.voting;
  if (!is_open || !replaces || proposal.supersedes == state.policies) {
    return DueByVotes(proposal, state, now);
  }
  return Outcome{false, "superseded", CountVotes(proposal, state)};
}

std::optional<Outcome> DueByVotes(const Proposal& proposal, const State& state,
                                  rules::Instant now) {
  if (proposal.outcome || !state.voting) return std::nullopt;
  const ledger::VotingRule& rule = *state.voting;
  Outcome outcome;
  outcome.tally = CountVotes(proposal, state);
  const uint64_t eligible = Eligible(outcome.tally);
  const uint64_t cast = Cast(outcome.tally);
  const bool over = now > WindowEnd(proposal, state);
  if (proposal.kind == ledger::ProposalKind::kEmergency) {
    const auto said_yes = [](const HouseTally& house) { return house.yes > 0; };
    const auto houses =
        static_cast<uint64_t>(std::ranges::count_if(outcome.tally.houses, said_yes));
    outcome.adopt = rule.emergency_members > 0 && houses >= rule.emergency_members && !over;
    if (outcome.adopt) return outcome;
    outcome.reason = "house";
    return over ? std::optional(outcome) : std::nullopt;
  }
  if (!over && cast < eligible) return std::nullopt;
  if (eligible == 0 || cast * 100 < rule.quorum_percent * eligible) {
    outcome.reason = "quorum";
    return over ? std::optional(outcome) : std::nullopt;
  }
  const bool agreed = std::ranges::all_of(outcome.tally.houses, [&](const HouseTally& house) {
    return HouseAgrees(house, rule.house_percent);
  });
  const auto said_yes = [](const HouseTally& house) { return house.yes > 0; };
  outcome.adopt = agreed && std::ranges::any_of(outcome.tally.houses, said_yes);
  if (!outcome.adopt) outcome.reason = "house";
  return outcome;
}

}  // namespace dure::standing
