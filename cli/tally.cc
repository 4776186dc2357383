// dure tally: the votes of the record, counted from one's own copy.
#include "cli/tally.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/record_copy.h"
#include "policy/ledger/words.h"
#include "policy/rules/parse.h"
#include "policy/rules/sentence.h"
#include "policy/standing/overdue.h"
#include "policy/standing/voting.h"

namespace dure::cli {
namespace {

using nlohmann::ordered_json;

std::string SubjectOf(const standing::Proposal& proposal, bool korean) {
  if (!proposal.run.empty()) return Pick(korean, "run ", "학습 ") + proposal.run.str();
  if (proposal.kind == ledger::ProposalKind::kFormula) return proposal.policy;
  if (proposal.kind == ledger::ProposalKind::kSuspend) {
    return korean ? proposal.policy + "의 자격 정지" : "suspension of " + proposal.policy;
  }
  if (proposal.kind == ledger::ProposalKind::kReinstate) {
    return korean ? proposal.policy + "의 자격 회복" : "reinstatement of " + proposal.policy;
  }
  const auto document = rules::ReadPolicy(proposal.policy, "policy");
  const std::string kind = proposal.kind == ledger::ProposalKind::kEmergency
                               ? Pick(korean, "emergency rule ", "긴급 규칙 ")
                               : Pick(korean, "policy ", "정책 ");
  if (!document) return kind;
  const auto& name = document->policy.name;
  return kind + "\"" + (korean && !name.ko.empty() ? name.ko : name.en) + "\"" +
         Pick(korean, " version ", " 버전 ") + std::to_string(document->policy.version);
}

std::string StateOf(const standing::Proposal& proposal, const standing::State& state) {
  if (StoppedAt(proposal, state)) return "stopped";
  if (!proposal.outcome) return "open";
  return proposal.adopted ? "adopted" : "rejected";
}

ledger::Tally TallyOf(const standing::Proposal& proposal, const standing::State& state) {
  return proposal.outcome ? proposal.tally : standing::CountVotes(proposal, state);
}

// Nobody speaks for them in an open vote, and they count all the same.
std::vector<std::string> Unheard(const standing::Proposal& proposal, const standing::State& state) {
  std::vector<std::string> unheard;
  if (StateOf(proposal, state) != "open") return unheard;
  for (const MemberId& member : standing::MembersWithoutOfficer(state)) {
    if (member == proposal.accused) continue;  // it does not count
    unheard.push_back(member.str());
  }
  return unheard;
}

ordered_json TallyJson(const ledger::Tally& tally) {
  ordered_json houses = ordered_json::array();
  for (const ledger::HouseTally& house : tally.houses) {
    houses.push_back({{"house", Name(house.house)},
                      {"members", house.members},
                      {"yes", house.yes},
                      {"no", house.no},
                      {"abstain", house.abstain}});
  }
  return houses;
}

// Of an emergency rule the votes of too few houses are meant: it asks no house to agree.
std::string WhyNot(const std::string& reason, const standing::Proposal& proposal,
                   const standing::State& state, bool korean) {
  const auto houses = TallyOf(proposal, state).houses;
  if (proposal.kind != ledger::ProposalKind::kEmergency || reason != "house" || !state.voting) {
    return ledger::Words(reason, korean ? ledger::Language::kKorean : ledger::Language::kEnglish);
  }
  const std::string needed = std::to_string(state.voting->emergency_members);
  const std::string yes = std::to_string(
      std::ranges::count_if(houses, [](const auto& house) { return house.yes > 0; }));
  return Pick(
      korean,
      "an emergency rule takes a yes from members of " + needed + " different houses; those of " +
          yes + " said yes",
      "긴급 규칙에는 서로 다른 구분 " + needed + "곳의 찬성이 필요한데 " + yes + "곳만 찬성함");
}

// What would come of an open vote if nobody voted any more; empty: it is open no more.
std::string AsItStands(const standing::Proposal& proposal, const standing::State& state,
                       bool korean) {
  if (StateOf(proposal, state) != "open") return "";
  const auto due =
      standing::DueOutcome(proposal, state, {standing::WindowEnd(proposal, state).seconds + 1});
  if (!due) return "";
  if (due->adopt) {
    return Pick(korean, "  with these votes it is adopted\n", "  지금까지의 표로 가결됨\n");
  }
  const std::string why = WhyNot(due->reason, proposal, state, korean);
  return Pick(korean, "  with these votes it is rejected at the end: " + why + "\n",
              "  지금까지의 표로는 기한에 부결됨: " + why + "\n");
}

// Since when it has had an outcome that is not recorded, by the record's own time: a copy may be
// older than this machine's clock.
std::optional<standing::DueVote> Unrecorded(uint64_t index, const standing::Standing& now) {
  const auto due = standing::DueVotes(now, now.latest());
  const auto found = std::ranges::find(due, index, &standing::DueVote::proposal);
  return found == due.end() ? std::nullopt : std::optional(*found);
}

std::string UnrecordedText(uint64_t index, const standing::Standing& now, bool korean) {
  const auto due = Unrecorded(index, now);
  if (!due) return {};
  const std::string since = due->since.ToText();
  const bool overdue = standing::IsOverdue(now, *due, now.latest());
  return Pick(korean,
              "; its outcome has been due since " + since + " and is not recorded" +
                  (overdue ? ": OVERDUE" : ""),
              "; " + since + "부터 결과를 기록해야 하는데 아직 기록되지 않음" +
                  (overdue ? ": 기한 초과" : ""));
}

std::string ProposalText(uint64_t index, const standing::Proposal& proposal,
                         const standing::Standing& now, bool korean) {
  const standing::State& state = now.state();
  const std::string entry = std::to_string(index);
  std::string text = Pick(korean,
                          "entry " + entry + "  " + SubjectOf(proposal, korean) + ", proposed by " +
                              proposal.proposer.str() + ": ",
                          "항목 " + entry + "  " + SubjectOf(proposal, korean) + ", " +
                              proposal.proposer.str() + " 제안: ");
  if (proposal.outcome) {
    const std::string outcome = std::to_string(*proposal.outcome);
    text += proposal.adopted
                ? Pick(korean, "adopted at entry " + outcome, "가결, 항목 " + outcome)
                : Pick(korean, "rejected at entry " + outcome, "부결, 항목 " + outcome);
    if (!proposal.reason.empty()) {
      text += ": " + WhyNot(proposal.reason, proposal, state, korean);
    }
  } else if (const auto stopped = StoppedAt(proposal, state)) {
    const std::string at = std::to_string(*stopped);
    text += Pick(korean, "the run was stopped at entry " + at, "항목 " + at + "에서 학습 중지");
  } else {
    const std::string until = standing::WindowEnd(proposal, state).ToText();
    text += Pick(korean, "open, votes count until " + until, "투표 중, " + until + "까지");
    text += UnrecordedText(index, now, korean);
  }
  text += "\n" + AsItStands(proposal, state, korean);
  const auto language = korean ? ledger::Language::kKorean : ledger::Language::kEnglish;
  for (const ledger::HouseTally& house : TallyOf(proposal, state).houses) {
    const std::string yes = std::to_string(house.yes);
    const std::string no = std::to_string(house.no);
    const std::string abstain = std::to_string(house.abstain);
    const std::string of = std::to_string(house.members);
    text += "  " + ledger::Words(Name(house.house), language) + ": " +
            Pick(korean, yes + " yes, " + no + " no, " + abstain + " abstained, of " + of + "\n",
                 of + "곳 중 찬성 " + yes + ", 반대 " + no + ", 기권 " + abstain + "\n");
  }
  for (const std::string& member : Unheard(proposal, state)) {
    text += "    " + member +
            Pick(korean, " counts and has no officer to vote for it\n",
                 ": 정족수에 들지만 투표할 정책 담당자가 없음\n");
  }
  if (proposal.accused) {
    text += "    " + proposal.accused->str() +
            Pick(korean, " has no voice in its own suspension\n",
                 ": 자기 자격 정지에는 투표하지 못함\n");
  }
  for (const auto& [member, vote] : proposal.votes) {
    text += "    " + member.str() + " " + ledger::Words(Name(vote.choice), language) +
            Pick(korean, " (entry ", " (항목 ") + std::to_string(vote.index) + ")\n";
  }
  return text;
}

// Counted here, from the votes in this copy: not what anybody says the count is. Of a vote that has
// ended, what its end counted, which this copy replayed: members of today may be others.
Status Tally(const std::string& dir, std::optional<uint64_t> wanted, Context& context) {
  const bool korean = IsKorean(context);
  DURE_ASSIGN(const auto record, RecordCopy::Open(dir, context));
  const standing::State& state = record->state();
  ordered_json list = ordered_json::array();
  std::string text;
  for (const auto& [index, proposal] : state.proposals) {
    if (wanted && *wanted != index) continue;
    const ledger::Tally tally = TallyOf(proposal, state);
    ordered_json votes = ordered_json::object();
    for (const auto& [member, vote] : proposal.votes) votes[member.str()] = Name(vote.choice);
    const std::string until = standing::WindowEnd(proposal, state).ToText();
    const auto due = Unrecorded(index, record->auditor().standing());
    list.push_back(
        {{"proposal", index},
         {"subject", SubjectOf(proposal, false)},
         {"proposer", proposal.proposer.str()},
         {"state", StateOf(proposal, state)},
         {"until", until},
         {"outcome", proposal.outcome ? ordered_json(*proposal.outcome) : ordered_json(nullptr)},
         {"due_since", due ? ordered_json(due->since.ToText()) : ordered_json(nullptr)},
         {"reason", proposal.reason},
         {"houses", TallyJson(tally)},
         {"without_officer", Unheard(proposal, state)},
         {"without_voice",
          proposal.accused ? ordered_json(proposal.accused->str()) : ordered_json(nullptr)},
         {"votes", votes}});
    text += ProposalText(index, proposal, record->auditor().standing(), korean);
  }
  if (wanted && list.empty()) {
    const std::string entry = std::to_string(*wanted);
    return Fail(ErrorCode::kNotFound,
                Pick(korean, "entry " + entry + " proposes nothing",
                     "항목 " + rules::WithParticle(entry, "은(는)") + " 안건이 아닙니다"));
  }
  context.Print(context.json() ? ordered_json{{"proposals", list}}.dump()
                               : (!text.empty() ? text
                                                : Pick(korean, "Nothing was proposed yet.",
                                                       "아직 제안된 것이 없습니다.")));
  return {};
}

}  // namespace

std::optional<uint64_t> StoppedAt(const standing::Proposal& proposal,
                                  const standing::State& state) {
  if (proposal.outcome || proposal.run.empty()) return std::nullopt;
  const auto run = state.runs.find(proposal.run);
  return run == state.runs.end() ? std::nullopt : run->second.halted;
}

void AddTallyCommand(Command dure, Context& context) {
  auto dir = std::make_shared<std::string>();
  auto entry = std::make_shared<std::optional<uint64_t>>();
  Command tally = AddVerb(dure, "tally", "Count the votes of the record, per house",
                          "dure tally --dir /srv/desk\ndure tally 41 --dir /srv/desk --lang ko\n"
                          "dure tally 41 --dir /srv/site --json");
  tally.Add("entry", *entry, "One proposal's entry; all without it");
  tally.Add("--dir", *dir, "A folder with a copy of the record").Required();
  AddLanguage(tally, context);
  context.Do(tally, [dir, entry, &context] { return Tally(*dir, *entry, context); });
}

}  // namespace dure::cli
