// The charter, policies and runs: what is agreed, and by whose votes.
#include <algorithm>
#include <set>

#include "policy/rules/cases.h"
#include "policy/rules/parse.h"
#include "policy/standing/admission.h"
#include "policy/standing/fold.h"
#include "policy/standing/shares.h"
#include "policy/standing/still_admitted.h"
#include "policy/standing/voting.h"

namespace dure::standing {
namespace {

bool OnlyForbids(const rules::Policy& policy) {
  return std::ranges::all_of(
      policy.rules, [](const rules::Rule& rule) { return rule.effect == rules::Effect::kForbid; });
}

MaybeBreach Readable(const std::string& text, bool only_forbids) {
  const auto document = rules::ReadPolicy(text, "policy");
  if (!document) return Breach{"policy-malformed", document.error().message};
  if (document->policy.layer != rules::Layer::kConsortium) {
    return Breach{"policy-layer", "only a consortium policy can be adopted"};
  }
  if (only_forbids && !OnlyForbids(document->policy)) {
    return Breach{"emergency-permits", "an emergency policy only forbids"};
  }
  return std::nullopt;
}

std::string Text(const Outcome& outcome) {
  std::string text = outcome.adopt ? "adopted" : "rejected (" + outcome.reason + ")";
  for (const ledger::HouseTally& house : outcome.tally.houses) {
    text += "; " + std::string(Name(house.house)) + " " + std::to_string(house.yes) + " yes " +
            std::to_string(house.no) + " no " + std::to_string(house.abstain) + " abstained of " +
            std::to_string(house.members);
  }
  return text;
}

const Proposal* ProposalAt(const Standing& now, uint64_t index) {
  const auto found = now.state().proposals.find(index);
  return found == now.state().proposals.end() ? nullptr : &found->second;
}

// The end of a vote as the aggregator records it, against what is due.
MaybeBreach OutcomeHolds(const Standing& now, const Said& said, uint64_t proposal_index,
                         const Outcome& claimed) {
  const Proposal* proposal = ProposalAt(now, proposal_index);
  if (proposal == nullptr) return Breach{"no-such-proposal", "nothing was proposed there"};
  // Records of builds that ended votes otherwise, or that rejected what was halted, are replayed as
  // they are.
  const uint32_t oldest = kSupersededEndsSince - 1;
  uint32_t newest = NewestWords(now.state());
  const bool rejects_halted = IsHalted(*proposal, now.state()) && !claimed.adopt;
  if (rejects_halted && newest <= kHaltedIsOverSince) newest = oldest;
  for (uint32_t words = std::max(newest, oldest); words < rules::kWordsVersion; ++words) {
    if (DueOutcome(*proposal, now.state(), said.at, words) == claimed) return std::nullopt;
  }
  const std::optional<Outcome> due = DueOutcome(*proposal, now.state(), said.at);
  if (!due) return Breach{"vote-goes-on", "nothing is due on this proposal at this moment"};
  if (*due == claimed) return IsNextOutcome(now, said, proposal_index);
  return Breach{"tally-differs", "recorded " + Text(claimed) + "; due " + Text(*due), Text(*due)};
}

MaybeBreach MemberNamed(const State& state, const ledger::PolicyProposed& e) {
  const auto id = MemberId::Parse(e.policy);
  const auto found = id ? state.members.find(*id) : state.members.end();
  if (found == state.members.end()) return Breach{"no-such-member", "it names no member"};
  const bool suspended = found->second.suspended.has_value();
  if (suspended != (e.kind == ledger::ProposalKind::kSuspend)) return std::nullopt;
  return Breach{"no-change", e.policy + (suspended ? " is suspended" : " is not suspended")};
}

// From this version of the words on a run that was proposed ends the founding like any other
// proposal, whether or not it is voted on. Else whoever writes the record could replace policies
// without a vote for as long as nothing came to one.
constexpr uint32_t kRunsEndTheFoundingSince = 5;

// Of two members each reads the other's update off the sum anyway.
constexpr size_t kManyMembers = 3;

size_t MembersInvited(const State& state, const Run& run) {
  std::set<MemberId> members;
  for (const auto& [site, member] : state.sites) {
    if (!IsUninvited(run, site)) members.insert(member);
  }
  return members.size();
}

bool TakesVote(const State& state, const Run& run) {
  if (!state.voting) return false;
  if (state.voting->runs_by_vote) return true;
  const auto masking = run.fields.find("masking");
  const bool plain = masking != run.fields.end() && masking->second == "none";
  return plain && state.voting->unmasked_by_vote && MembersInvited(state, run) >= kManyMembers;
}

// As its proposer says, or as the record knows.
bool StartsFromModel(const State& state, const ledger::RunProposed& e) {
  const auto starts = e.fields.find("startsFrom");
  if (starts != e.fields.end() && starts->second == "model") return true;
  const auto first = e.fields.find("initialModel");
  if (first == e.fields.end()) return false;
  const auto model = Digest::FromHex(first->second);
  return model && state.models.contains(*model);
}

}  // namespace

MaybeBreach HoldsIn(const Standing& now, const Said&, const ledger::CharterDeclared&) {
  if (!now.state().voting) return std::nullopt;
  return Breach{"charter-twice", "the charter stands already"};
}

MaybeBreach HoldsIn(const Standing& now, const Said&, const ledger::PolicyDeclared& e) {
  const State& state = now.state();
  const bool asked = NewestWords(state) >= kRunsEndTheFoundingSince && !state.runs.empty();
  if (!state.voting || !state.proposals.empty() || asked) {
    return Breach{"founding-over",
                  "policies are declared between the charter and the first proposal"};
  }
  return Readable(e.policy, false);
}

MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::PolicyProposed& e) {
  if (!now.state().voting) return Breach{"no-charter", "there is no voting rule yet"};
  const bool bounded = NewestWords(now.state()) >= kProposalsAreBoundedSince;
  if (bounded && OpenProposalsOf(now.state(), said.member) >= kOpenProposalsMax) {
    return Breach{"too-many-proposals", std::to_string(kOpenProposalsMax) + " proposals of " +
                                            said.member.str() + " are voted on already"};
  }
  if (e.kind == ledger::ProposalKind::kFormula) {
    const auto formula = ShareFormula::Parse(e.policy);
    return formula ? MaybeBreach() : Breach{"formula-malformed", formula.error().message};
  }
  if (e.kind == ledger::ProposalKind::kSuspend || e.kind == ledger::ProposalKind::kReinstate) {
    return MemberNamed(now.state(), e);
  }
  const bool emergency = e.kind == ledger::ProposalKind::kEmergency;
  if (MaybeBreach breach = Readable(e.policy, emergency)) return breach;
  if (NewestWords(now.state()) >= kRuleNamesAreOneSince) {
    if (MaybeBreach breach = RulesAreItsOwn(now, said, e)) return breach;
  }
  if (emergency) return std::nullopt;
  if (e.supersedes != now.state().policies) {
    return Breach{"superseded", "it was made for other policies than those in force",
                  now.state().policies.Hex()};
  }
  const auto document = rules::ReadPolicy(e.policy, "policy");
  const auto old = now.state().in_force.find(document->policy.name.en);
  if (old != now.state().in_force.end() && document->policy.version <= old->second.version) {
    return Breach{"version", "version " + std::to_string(old->second.version) + " of \"" +
                                 old->first + "\" is in force; the next is greater"};
  }
  return std::nullopt;
}

MaybeBreach RulesAreItsOwn(const Standing& now, const Said& said, const ledger::PolicyProposed& e) {
  const bool rules_text =
      e.kind == ledger::ProposalKind::kReplace || e.kind == ledger::ProposalKind::kEmergency;
  const auto document = rules::ReadPolicy(e.policy, "policy");
  if (!rules_text || !document) return std::nullopt;  // others' business
  const auto taken =
      FindTakenRule(now.state(), e.kind, document->digest, NamesOf(document->policy), said.at);
  return taken ? MaybeBreach(Breach{"rule-taken", taken->Text()}) : std::nullopt;
}

MaybeBreach CasesHold(const ledger::PolicyProposed& e) {
  const bool rules_text =
      e.kind == ledger::ProposalKind::kReplace || e.kind == ledger::ProposalKind::kEmergency;
  const auto document = rules::ReadPolicy(e.policy, "policy");
  if (!rules_text || !document) return std::nullopt;  // others' business
  const auto cases = rules::RunCases(*document);
  if (!cases) return Breach{"unreadable", cases.error().message};
  const auto failed = std::ranges::find(cases->results, false, &rules::CaseResult::passed);
  if (failed == cases->results.end()) return std::nullopt;
  return Breach{"cases-fail", "its case \"" + failed->name + "\" expects " + failed->expected +
                                  " and finds " + failed->found};
}

MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::VoteCast& e) {
  const Proposal* proposal = ProposalAt(now, e.proposal);
  if (proposal == nullptr) return Breach{"no-such-proposal", "nothing was proposed there"};
  if (proposal->leaf != e.leaf) return Breach{"other-proposal", "the vote is on another text"};
  if (proposal->outcome) return Breach{"vote-over", "the vote has ended"};
  if (said.at > WindowEnd(*proposal, now.state())) {
    return Breach{"window", "the window closed at " + WindowEnd(*proposal, now.state()).ToText()};
  }
  if (proposal->votes.contains(said.member)) {
    return Breach{"voted-twice", said.member.str() + " has voted"};
  }
  if (proposal->accused == said.member) {
    return Breach{"own-suspension", said.member.str() + " has no voice in its own suspension"};
  }
  const auto member = now.state().members.find(said.member);
  if (member == now.state().members.end() || !MayVote(member->second)) {
    return Breach{"no-house", said.member.str() + " stands in no house"};
  }
  return std::nullopt;
}

MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::PolicyAdopted& e) {
  if (auto breach = OutcomeHolds(now, said, e.proposal, {true, "", e.tally})) return breach;
  const Proposal* proposal = ProposalAt(now, e.proposal);
  const Digest due = Sha256(AsBytes(proposal->policy));
  if (!proposal->policy.empty() && due == e.policy) return std::nullopt;
  return Breach{"other-policy", "the adopted text is not the proposed one", due.Hex()};
}

MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::PolicyRejected& e) {
  return OutcomeHolds(now, said, e.proposal, {false, e.reason, e.tally});
}

MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::RunApproved& e) {
  const auto run = now.state().runs.find(e.run);
  if (run == now.state().runs.end()) return Breach{"no-such-run", "it was never proposed"};
  if (run->second.approved) return Breach{"approved-twice", "it was approved before"};
  if (run->second.halted) return Breach{"run-halted", "it was halted"};
  if (e.policies != now.state().policies) {
    return Breach{"other-policies", "it pins policies that are not in force",
                  now.state().policies.Hex()};
  }
  if (!now.state().voting) return Breach{"no-charter", "there is no voting rule yet"};
  if (run->second.by_vote) {
    return OutcomeHolds(now, said, run->second.proposed, {true, "", e.tally});
  }
  if (e.tally == ledger::Tally{}) return std::nullopt;
  return Breach{"tally-differs", "runs need no vote here, and a tally is claimed"};
}

MaybeBreach HoldsIn(const Standing& now, const Said&, const ledger::RunHalted& e) {
  const auto run = now.state().runs.find(e.run);
  if (run != now.state().runs.end() && !run->second.halted) return std::nullopt;
  return Breach{"no-such-run", e.run.str() + " does not run"};
}

void Fold::Do(const Said&, const ledger::CharterDeclared& e) {
  state_.voting = e.voting;
  state_.words_of_charter = e.words;
  Decisive();
}

void Fold::PutInForce(const Said& said, const std::string& text) {
  auto document = rules::ReadPolicy(text, "policy");
  const rules::Policy& policy = document->policy;
  state_.in_force[policy.name.en] = {said.index, document->digest, policy.version};
  state_.texts[document->digest] = text;
  state_.rule_names[document->digest] = NamesOf(policy);
  state_.policies = PoliciesDigest(state_.in_force);
  std::vector<Digest>& edition = state_.editions[state_.policies];
  edition.clear();
  for (const auto& [name, adopted] : state_.in_force) edition.push_back(adopted.digest);
  const Digest digest = document->digest;
  standing_.documents_[digest] =
      std::make_shared<const rules::PolicyDocument>(std::move(*document));
  Decisive();
}

void Fold::Do(const Said& said, const ledger::PolicyDeclared& e) { PutInForce(said, e.policy); }

void Fold::Do(const Said& said, const ledger::PolicyProposed& e) {
  Proposal& proposal = state_.proposals[said.index];
  proposal.index = said.index;
  proposal.leaf = said.entry.leaf;
  proposal.proposer = said.member;
  proposal.kind = e.kind;
  proposal.policy = e.policy;
  proposal.supersedes = e.supersedes;
  if (e.kind == ledger::ProposalKind::kSuspend &&
      NewestWords(state_) >= kNoVoiceInOwnSuspensionSince) {
    proposal.accused = *MemberId::Parse(e.policy);
  }
  OpenVote(said, proposal);
  if (e.kind != ledger::ProposalKind::kReplace && e.kind != ledger::ProposalKind::kEmergency) {
    return;
  }
  const auto document = rules::ReadPolicy(e.policy, "policy");
  state_.rule_names[document->digest] = NamesOf(document->policy);
}

// Its window begins.
void Fold::OpenVote(const Said& said, Proposal& proposal) {
  proposal.at = said.at;
  proposal.electors = ElectorsNow(state_);
  state_.open_votes[proposal.index] = {};
}

void Fold::Do(const Said& said, const ledger::VoteCast& e) {
  state_.proposals[e.proposal].votes[said.member] = {said.index, e.choice,
                                                     said.entry.record.actor.key};
}

void Fold::Do(const Said& said, const ledger::PolicyAdopted& e) {
  Proposal& proposal = state_.proposals[e.proposal];
  proposal.outcome = said.index;
  proposal.adopted = true;
  proposal.tally = e.tally;
  EndVote(e.proposal);
  if (proposal.kind == ledger::ProposalKind::kReplace) return PutInForce(said, proposal.policy);
  if (proposal.kind == ledger::ProposalKind::kFormula) {
    state_.share_formula = proposal.policy;
    return;
  }
  if (proposal.kind == ledger::ProposalKind::kSuspend ||
      proposal.kind == ledger::ProposalKind::kReinstate) {
    Member& member = state_.members.at(*MemberId::Parse(proposal.policy));
    member.suspended.reset();
    if (proposal.kind == ledger::ProposalKind::kSuspend) member.suspended = said.index;
    return Decisive();
  }
  auto document = rules::ReadPolicy(proposal.policy, "policy");
  const int64_t seconds = static_cast<int64_t>(state_.voting->emergency_seconds);
  // Voted again, the same text holds for longer.
  std::erase_if(state_.emergencies,
                [&](const EmergencyRule& rule) { return rule.digest == e.policy; });
  state_.emergencies.push_back({said.index, e.policy, {said.at.seconds + seconds}});
  state_.texts[e.policy] = proposal.policy;
  standing_.documents_[e.policy] =
      std::make_shared<const rules::PolicyDocument>(std::move(*document));
  Decisive();
}

void Fold::Do(const Said& said, const ledger::PolicyRejected& e) {
  Proposal& proposal = state_.proposals[e.proposal];
  proposal.outcome = said.index;
  proposal.tally = e.tally;
  proposal.reason = e.reason;
  EndVote(e.proposal);
  if (proposal.run.empty()) return;
  // Older builds rejected what was halted: it ended then, and for that reason.
  Run& run = state_.runs[proposal.run];
  if (run.halted) return;
  run.halted = said.index;
  run.halt_reason = "rejected";
}

void Fold::Do(const Said& said, const ledger::RunProposed& e) {
  Run& run = state_.runs[e.run];
  run.proposed = said.index;
  run.proposer = said.member;
  run.fields = e.fields;
  run.manifest = e.manifest;
  run.invited = e.invited;
  run.bounds = e.bounds;
  run.told = FactsToldBy(e);
  run.from_model = StartsFromModel(state_, e);
  run.by_vote = TakesVote(state_, run);
  run.leaf = said.entry.leaf;
  if (run.by_vote) ProposeToVote(said, e.run, run);
}

void Fold::ProposeToVote(const Said& said, const RunId& id, const Run& run) {
  Proposal& proposal = state_.proposals[run.proposed];
  proposal.index = run.proposed;
  proposal.leaf = run.leaf;
  proposal.proposer = run.proposer;
  proposal.run = id;
  OpenVote(said, proposal);
}

// Whom a run that is not approved yet would be shown to may have become many since.
void Fold::VoteOnRunsOfMany(const Said& said) {
  if (NewestWords(state_) < kInvitedHoldsSince) return;
  for (auto& [id, run] : state_.runs) {
    if (run.approved || run.halted || run.by_vote || !TakesVote(state_, run)) continue;
    run.by_vote = true;
    ProposeToVote(said, id, run);
  }
}

void Fold::Do(const Said& said, const ledger::RunApproved& e) {
  Run& run = state_.runs[e.run];
  run.approved = said.index;
  run.approved_at = said.at;
  run.policies = e.policies;
  run.tally = e.tally;
  const auto proposal = state_.proposals.find(run.proposed);
  if (proposal != state_.proposals.end()) {
    proposal->second.outcome = said.index;
    proposal->second.adopted = true;
    proposal->second.tally = e.tally;
    EndVote(run.proposed);
  }
  Decisive();
}

void Fold::Do(const Said& said, const ledger::RunHalted& e) {
  Run& run = state_.runs[e.run];
  run.halted = said.index;
  run.halt_reason = e.reason;
  EndVote(run.proposed);  // nothing is due of it
  state_.halts.insert(said.index);
  Decisive();
}

}  // namespace dure::standing
