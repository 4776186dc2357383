// Changing the rules: propose a policy, see what it would change, vote, count.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/record_copy.h"
#include "policy/rules/explain.h"
#include "policy/rules/format.h"
#include "policy/rules/parse.h"
#include "policy/rules/schema.h"
#include "policy/standing/past.h"
#include "policy/standing/voting.h"

namespace dure::cli {
namespace {

using nlohmann::ordered_json;

constexpr auto kOfficers = identity::Roles{identity::Role::kOfficer};

Result<std::string> ReadText(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Fail(ErrorCode::kNotFound, "cannot read " + path);
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

struct ProposeOptions {
  std::string dir;
  std::string file;
  bool emergency = false;
};

Status Propose(const ProposeOptions& options, Context& context) {
  DURE_ASSIGN(std::string text, ReadText(options.file));
  DURE_ASSIGN(const rules::PolicyDocument document, rules::ReadPolicy(text, options.file));
  DURE_ASSIGN(Desk desk, OpenDesk(options.dir, kOfficers, context));
  DURE_TRY(desk.clerk->Follow());
  ledger::PolicyProposed event;
  event.kind =
      options.emergency ? ledger::ProposalKind::kEmergency : ledger::ProposalKind::kReplace;
  desk.clerk->WithStanding(
      [&](const standing::Auditor& own) { event.supersedes = own.standing().state().policies; });
  event.policy = std::move(text);
  const std::string what = "Proposed \"" + document.policy.name.en + "\" version " +
                           std::to_string(document.policy.version);
  DURE_TRY(Record(desk, std::move(event), what, context));
  context.Say(
      "Members vote with: dure vote ENTRY yes|no|abstain --dir FOLDER\n"
      "Everybody can see the count: dure tally --dir FOLDER");
  return {};
}

struct VoteOptions {
  std::string dir;
  uint64_t proposal = 0;
  std::string choice;
};

Status CastVote(const VoteOptions& options, Context& context) {
  DURE_ASSIGN(const ledger::Choice choice, ledger::ParseChoice(options.choice));
  DURE_ASSIGN(Desk desk, OpenDesk(options.dir, kOfficers, context));
  DURE_TRY(desk.clerk->Follow());
  if (options.proposal >= desk.clerk->mirror().Head().head.size) {
    return Fail(ErrorCode::kNotFound, "there is no entry " + std::to_string(options.proposal));
  }
  const ledger::VoteCast event{options.proposal, desk.clerk->mirror().Leaf(options.proposal),
                               choice};
  return Record(desk, event,
                "Voted " + options.choice + " on entry " + std::to_string(options.proposal),
                context);
}

std::string SubjectOf(const standing::Proposal& proposal) {
  if (!proposal.run.empty()) return "run " + proposal.run.str();
  if (proposal.kind == ledger::ProposalKind::kFormula) return proposal.policy;
  if (proposal.kind == ledger::ProposalKind::kSuspend) return "suspension of " + proposal.policy;
  if (proposal.kind == ledger::ProposalKind::kReinstate) {
    return "reinstatement of " + proposal.policy;
  }
  const auto document = rules::ReadPolicy(proposal.policy, "policy");
  const std::string kind =
      proposal.kind == ledger::ProposalKind::kEmergency ? "emergency rule " : "policy ";
  if (!document) return kind;
  return kind + "\"" + document->policy.name.en + "\" version " +
         std::to_string(document->policy.version);
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

std::string StateOf(const standing::Proposal& proposal) {
  if (!proposal.outcome) return "open";
  return proposal.adopted ? "adopted" : "rejected";
}

// Counted here, from the votes in this copy: not what anybody says the count is.
Status Tally(const std::string& dir, std::optional<uint64_t> wanted, Context& context) {
  DURE_ASSIGN(const auto record, RecordCopy::Open(dir, context));
  const standing::State& state = record->state();
  ordered_json list = ordered_json::array();
  std::string text;
  for (const auto& [index, proposal] : state.proposals) {
    if (wanted && *wanted != index) continue;
    const ledger::Tally tally = standing::CountVotes(proposal, state);
    ordered_json votes = ordered_json::object();
    for (const auto& [member, vote] : proposal.votes) votes[member.str()] = Name(vote.choice);
    const std::string until = standing::WindowEnd(proposal, state).ToText();
    list.push_back({{"proposal", index},
                    {"subject", SubjectOf(proposal)},
                    {"proposer", proposal.proposer.str()},
                    {"state", StateOf(proposal)},
                    {"until", until},
                    {"houses", TallyJson(tally)},
                    {"votes", votes}});
    text += "entry " + std::to_string(index) + "  " + SubjectOf(proposal) + ", proposed by " +
            proposal.proposer.str() + ": " + StateOf(proposal) +
            (proposal.outcome ? " at entry " + std::to_string(*proposal.outcome)
                              : ", votes count until " + until) +
            "\n";
    for (const ledger::HouseTally& house : tally.houses) {
      text += "  " + std::string(Name(house.house)) + ": " + std::to_string(house.yes) + " yes, " +
              std::to_string(house.no) + " no, " + std::to_string(house.abstain) +
              " abstained, of " + std::to_string(house.members) + "\n";
    }
    for (const auto& [member, vote] : proposal.votes) {
      text += "    " + member.str() + " " + std::string(Name(vote.choice)) + " (entry " +
              std::to_string(vote.index) + ")\n";
    }
  }
  if (wanted && list.empty()) {
    return Fail(ErrorCode::kNotFound, "entry " + std::to_string(*wanted) + " proposes nothing");
  }
  context.Print(context.json() ? ordered_json{{"proposals", list}}.dump()
                               : (text.empty() ? "Nothing was proposed yet." : text));
  return {};
}

Status ShowImpact(const std::string& dir, const std::string& file, Context& context) {
  DURE_ASSIGN(const std::string text, ReadText(file));
  DURE_ASSIGN(const rules::PolicyDocument document, rules::ReadPolicy(text, file));
  DURE_ASSIGN(const auto record, RecordCopy::Open(dir, context));
  DURE_ASSIGN(const standing::Impact impact, standing::ImpactOf(record->log(), document));
  ordered_json flips = ordered_json::array();
  std::string lines;
  for (const standing::Flip& flip : impact.flips) {
    const std::string becomes = flip.allowed ? "deny" : "admit";
    std::string why;
    for (const rules::Reason& reason : flip.proposed.reasons) {
      why += (why.empty() ? "" : " ") + reason.rule + ": " + reason.because.en;
    }
    flips.push_back({{"entry", flip.index}, {"becomes", becomes}, {"why", why}});
    lines += "  entry " + std::to_string(flip.index) + " would be " +
             (flip.allowed ? "refused" : "admitted") + (why.empty() ? "" : ": " + why) + "\n";
  }
  if (context.json()) {
    context.PrintJson(ordered_json{{"decided", impact.decided}, {"flips", flips}}.dump());
    return {};
  }
  context.Print(std::to_string(impact.decided) + " past decisions, decided again with " + file +
                ": " + std::to_string(impact.flips.size()) + " would come out otherwise.\n" +
                lines);
  return {};
}

struct InForceOptions {
  std::string dir;
  std::string name;
  std::string language;
  bool text = false;
};

// The policies that the next run would be decided under, by the record.
Status ShowInForce(const InForceOptions& options, Context& context) {
  DURE_ASSIGN(const auto record, RecordCopy::Open(options.dir, context));
  const bool korean = IsKorean(options.language);
  ordered_json list = ordered_json::array();
  std::string lines;
  std::string whole;
  for (const auto& [name, policy] : record->state().in_force) {
    if (!name.starts_with(options.name)) continue;
    const rules::PolicyDocument* document = record->auditor().standing().Document(policy.digest);
    if (document == nullptr) continue;
    list.push_back({{"name", name},
                    {"version", policy.version},
                    {"entry", policy.index},
                    {"sha256", policy.digest.Hex()},
                    {"text", rules::Format(document->policy)}});
    const auto language = korean ? rules::Language::kKorean : rules::Language::kEnglish;
    const std::string& shown = korean && !document->policy.name.ko.empty()
                                   ? document->policy.name.ko
                                   : document->policy.name.en;
    const std::string version = std::to_string(policy.version);
    const std::string entry = std::to_string(policy.index);
    lines += korean ? shown + ", 버전 " + version + ", 항목 " + entry + "부터\n"
                    : shown + ", version " + version + ", since entry " + entry + "\n";
    whole += (whole.empty() ? "" : "\n") +
             (options.text
                  ? rules::Format(document->policy)
                  : rules::ExplainPolicy(document->policy, rules::ConsortiumSchema(), language));
  }
  if (context.json()) {
    context.PrintJson(ordered_json{{"policies", list}}.dump());
    return {};
  }
  if (lines.empty()) {
    return Fail(ErrorCode::kNotFound, options.name.empty()
                                          ? "no policy is in force in this record"
                                          : "no policy in force begins with \"" + options.name +
                                                "\"; dure policy in-force lists them");
  }
  context.Print(options.name.empty() && !options.text ? lines : whole);
  return {};
}

}  // namespace

void AddPolicyChangeVerbs(CLI::App& policy, Context& context) {
  auto in_force = std::make_shared<InForceOptions>();
  CLI::App& now = AddVerb(policy, "in-force", "Show the policies that are in force by the record",
                          "dure policy in-force --dir /srv/desk\n"
                          "dure policy in-force P2 --lang ko --dir /srv/desk\n"
                          "dure policy in-force P2 --text --dir /srv/desk > p2.policy");
  now.add_option("name", in_force->name, "How its name begins: then all it says, in sentences");
  now.add_option("--dir", in_force->dir, "A folder with a copy of the record")->required();
  now.add_flag("--text", in_force->text, "As a text that can be changed and proposed");
  AddLanguage(now, in_force->language);
  context.Do(now, [in_force, &context] { return ShowInForce(*in_force, context); });

  auto propose = std::make_shared<ProposeOptions>();
  CLI::App& verb = AddVerb(policy, "propose", "Propose a policy for the members' vote",
                           "dure policy propose p2-purpose.policy --dir /srv/desk\n"
                           "dure policy propose stop.policy --emergency --dir /srv/desk");
  verb.add_option("file", propose->file, "The policy's text")->required();
  verb.add_option("--dir", propose->dir, "The officer's folder")->required();
  verb.add_flag("--emergency", propose->emergency,
                "Rules that only forbid, in force at once with few votes, for a time");
  context.Do(verb, [propose, &context] { return Propose(*propose, context); });

  auto dir = std::make_shared<std::string>();
  auto file = std::make_shared<std::string>();
  CLI::App& impact =
      AddVerb(policy, "impact", "Show which past decisions a policy would have changed",
              "dure policy impact p2-purpose.policy --dir /srv/desk");
  impact.add_option("file", *file, "The policy's text")->required();
  impact.add_option("--dir", *dir, "A folder with a copy of the record")->required();
  context.Do(impact, [dir, file, &context] { return ShowImpact(*dir, *file, context); });
}

void AddVoteCommands(CLI::App& dure, Context& context) {
  auto options = std::make_shared<VoteOptions>();
  CLI::App& vote =
      AddVerb(dure, "vote", "Vote on a proposal, once",
              "dure vote 41 yes --dir /srv/desk\ndure vote 41 abstain --dir /srv/desk");
  vote.add_option("entry", options->proposal, "The entry that proposes")->required();
  vote.add_option("choice", options->choice, "yes, no or abstain")->required();
  vote.add_option("--dir", options->dir, "The officer's folder")->required();
  context.Do(vote, [options, &context] { return CastVote(*options, context); });

  auto dir = std::make_shared<std::string>();
  auto entry = std::make_shared<std::optional<uint64_t>>();
  CLI::App& tally = AddVerb(dure, "tally", "Count the votes of the record, per house",
                            "dure tally --dir /srv/desk\ndure tally 41 --dir /srv/site --json");
  tally.add_option("entry", *entry, "One proposal's entry; all without it");
  tally.add_option("--dir", *dir, "A folder with a copy of the record")->required();
  context.Do(tally, [dir, entry, &context] { return Tally(*dir, *entry, context); });
}

}  // namespace dure::cli
