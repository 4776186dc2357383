#include "policy/standing/voting.h"

#include <algorithm>
#include <array>
#include <set>

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
uint64_t SaidYes(const ledger::Tally& tally) {
  uint64_t yes = 0;
  for (const HouseTally& house : tally.houses) yes += house.yes;
  return yes;
}
bool HouseAgrees(const HouseTally& house, uint64_t percent, uint32_t words) {
  const uint64_t said = house.yes + house.no;
  // Who abstains leaves it to the others; who is silent has left nothing to anybody.
  if (said == 0) return house.abstain > 0 || words < kEveryMemberCountsSince;
  return house.yes * 100 > percent * said;
}

// What a suspension takes beside the houses, whose member has no voice in it.
bool OthersAgree(const Proposal& proposal, const State& state, const ledger::Tally& tally) {
  if (!proposal.accused) return true;
  const uint64_t yes = SaidYes(tally);
  if (yes < kAccusersMin) return false;
  const ledger::House own = state.members.at(*proposal.accused).house;
  if (std::ranges::find(tally.houses, own, &HouseTally::house) != tally.houses.end()) return true;
  return yes * 100 >= state.voting->quorum_percent * Eligible(tally);
}

std::optional<std::string> Shared(const RuleNames& one, const RuleNames& other) {
  for (const std::string& rule : one.rules) {
    if (std::ranges::find(other.rules, rule) != other.rules.end()) return rule;
  }
  return std::nullopt;
}

// What the votes alone come to.
std::optional<Outcome> DueByVotes(const Proposal& proposal, const State& state, rules::Instant now,
                                  ledger::Tally tally, uint32_t words) {
  const ledger::VotingRule& rule = *state.voting;
  Outcome outcome;
  outcome.tally = std::move(tally);
  const uint64_t eligible = Eligible(outcome.tally);
  const uint64_t cast = Cast(outcome.tally);
  const bool over = now > WindowEnd(proposal, state);
  const auto said_yes = [](const HouseTally& house) { return house.yes > 0; };
  if (proposal.kind == ledger::ProposalKind::kEmergency) {
    const auto houses =
        static_cast<uint64_t>(std::ranges::count_if(outcome.tally.houses, said_yes));
    const bool late = over && words < kVotedRulesStandSince;
    outcome.adopt = rule.emergency_members > 0 && houses >= rule.emergency_members && !late;
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
    return HouseAgrees(house, rule.house_percent, words);
  });
  outcome.adopt = agreed && std::ranges::any_of(outcome.tally.houses, said_yes) &&
                  OthersAgree(proposal, state, outcome.tally);
  if (!outcome.adopt) outcome.reason = "house";
  return outcome;
}

}  // namespace

bool MayVote(const Member& member) {
  return member.described && member.officers > 0 && !member.suspended;
}

std::vector<MemberId> MembersWithoutOfficer(const State& state) {
  std::set<MemberId> lending;  // from a site whose key may speak
  for (const auto& [key, speaker] : state.speakers) {
    if (speaker.role == ledger::Role::kSite && !speaker.revoked) lending.insert(speaker.member);
  }
  std::vector<MemberId> members;
  for (const MemberId& id : lending) {
    const auto member = state.members.find(id);
    if (member == state.members.end() || member->second.officers > 0) continue;
    if (member->second.described && !member->second.suspended) members.push_back(id);
  }
  return members;
}

std::set<MemberId> ElectorsNow(const State& state) {
  std::set<MemberId> electors;
  for (const auto& [id, member] : state.members) {
    if (MayVote(member)) electors.insert(id);
  }
  for (MemberId& id : MembersWithoutOfficer(state)) electors.insert(std::move(id));
  return electors;
}

namespace {

// Who counts in a vote, by the rules of these words: of those who could vote in one that begins
// now, and of this one's.
std::set<MemberId> Counting(const Proposal& proposal, const State& state,
                            std::set<MemberId> counting, uint32_t words) {
  const auto add = [&](const MemberId& id) {
    const auto member = state.members.find(id);
    if (member == state.members.end()) return;
    if (member->second.described && !member->second.suspended) counting.insert(id);
  };
  if (words >= kVotesOutliveKeysSince) {
    for (const MemberId& id : proposal.electors) add(id);
    for (const auto& [id, vote] : proposal.votes) add(id);
  }
  if (proposal.accused) counting.erase(*proposal.accused);
  if (words >= kEveryMemberCountsSince) return counting;
  std::erase_if(counting, [&](const MemberId& id) { return !MayVote(state.members.at(id)); });
  return counting;
}

ledger::Tally CountAmong(const std::set<MemberId>& electors, const Proposal& proposal,
                         const State& state, uint32_t words) {
  std::array<HouseTally, kHouses> houses;
  for (size_t i = 0; i < kHouses; ++i) houses[i].house = static_cast<ledger::House>(i);
  for (const MemberId& id : Counting(proposal, state, electors, words)) {
    ++houses[static_cast<size_t>(state.members.at(id).house)].members;
  }
  ledger::Tally tally;
  for (const auto& [id, vote] : proposal.votes) {
    const auto member = state.members.find(id);
    if (member == state.members.end() || member->second.suspended) continue;
    if (words < kVotesOutliveKeysSince && !MayVote(member->second)) continue;
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

}  // namespace

ledger::Tally CountVotes(const Proposal& proposal, const State& state, uint32_t words) {
  return CountAmong(ElectorsNow(state), proposal, state, words);
}

bool OwnerSaidNo(const State& state, const RunId& run, const Dataset& dataset) {
  const auto found = state.runs.find(run);
  if (found == state.runs.end()) return false;
  const auto proposal = state.proposals.find(found->second.proposed);
  if (proposal == state.proposals.end()) return false;
  const auto vote = proposal->second.votes.find(dataset.custodian);
  const bool cast = vote != proposal->second.votes.end() && !vote->second.disowned;
  if (!cast || vote->second.choice != Choice::kNo) return false;
  return std::ranges::none_of(dataset.consents, [&](const Consent& consent) {
    return consent.run == run && consent.index > vote->second.index;
  });
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

namespace {

std::optional<Outcome> DueAmong(const std::set<MemberId>& electors, const Proposal& proposal,
                                const State& state, rules::Instant now, uint32_t words) {
  if (words >= kHaltedIsOverSince && IsHalted(proposal, state)) return std::nullopt;
  const bool replaces = proposal.run.empty() && proposal.kind == ledger::ProposalKind::kReplace;
  const bool superseded = replaces && proposal.supersedes != state.policies;
  ledger::Tally tally = CountAmong(electors, proposal, state, words);
  if (superseded && words >= kSupersededEndsSince) {
    return Outcome{false, "superseded", std::move(tally)};
  }
  std::optional<Outcome> due = DueByVotes(proposal, state, now, std::move(tally), words);
  const bool emergency = proposal.kind == ledger::ProposalKind::kEmergency;
  if (!due || !due->adopt || words < kRuleNamesAreOneSince || !(replaces || emergency)) return due;
  const Digest text = Sha256(AsBytes(proposal.policy));
  const auto names = state.rule_names.find(text);
  if (names == state.rule_names.end()) return due;
  if (!FindTakenRule(state, proposal.kind, text, names->second, now)) return due;
  due->adopt = false;
  due->reason = "rule-taken";
  return due;
}

}  // namespace

std::optional<Outcome> DueOutcome(const Proposal& proposal, const State& state, rules::Instant now,
                                  uint32_t words) {
  if (proposal.outcome || !state.voting) return std::nullopt;
  return DueAmong(ElectorsNow(state), proposal, state, now, words);
}

std::optional<Outcome> DueOutcome(const Proposal& proposal, const State& state, rules::Instant now,
                                  const std::set<MemberId>& electors) {
  if (proposal.outcome || !state.voting) return std::nullopt;
  return DueAmong(electors, proposal, state, now, rules::kWordsVersion);
}

size_t OpenProposalsOf(const State& state, const MemberId& member) {
  return static_cast<size_t>(std::ranges::count_if(state.open_votes, [&](const auto& open) {
    const Proposal& proposal = state.proposals.at(open.first);
    return proposal.run.empty() && proposal.proposer == member;
  }));
}

RuleNames NamesOf(const rules::Policy& policy) {
  RuleNames names{policy.name.en, {}};
  for (const rules::Rule& rule : policy.rules) names.rules.push_back(rule.id);
  return names;
}

std::string TakenRule::Text() const {
  const std::string holder =
      until         ? "the emergency text \"" + policy + "\", in force until " + until->ToText()
      : run.empty() ? "\"" + policy + "\", which is in force"
                    : "\"" + policy + "\", which run " + run.str() + " was approved under";
  return "rule " + rule + " is also in " + holder +
         ": no decision could say which of the two it means; give the rule another name" +
         (until ? ", or propose the very same text" : "");
}

std::optional<TakenRule> FindTakenRule(const State& state, ledger::ProposalKind kind,
                                       const Digest& text, const RuleNames& names,
                                       rules::Instant now) {
  const bool emergency = kind == ledger::ProposalKind::kEmergency;
  const auto taken = [&](const Digest& other, const RunId& run,
                         std::optional<rules::Instant> until) -> std::optional<TakenRule> {
    const auto found = state.rule_names.find(other);
    if (other == text || found == state.rule_names.end()) return std::nullopt;
    const auto rule = Shared(names, found->second);
    if (!rule) return std::nullopt;
    return TakenRule{*rule, found->second.policy, run, until};
  };
  for (const auto& [name, policy] : state.in_force) {
    if (!emergency && name == names.policy) continue;  // whose place it takes
    if (auto found = taken(policy.digest, {}, std::nullopt)) return found;
  }
  for (const EmergencyRule& rule : state.emergencies) {
    if (rule.until < now) continue;
    if (auto found = taken(rule.digest, {}, rule.until)) return found;
  }
  if (!emergency) return std::nullopt;
  for (const auto& [id, run] : state.runs) {
    const auto edition = state.editions.find(run.policies);
    if (!run.approved || run.halted || edition == state.editions.end()) continue;
    for (const Digest& digest : edition->second) {
      if (auto found = taken(digest, id, std::nullopt)) return found;
    }
  }
  return std::nullopt;
}

}  // namespace dure::standing
