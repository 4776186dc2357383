// Changing the rules: propose a policy, see what it would change, vote, count.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/evidence_file.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/proposal_check.h"
#include "cli/record_copy.h"
#include "cli/tally.h"
#include "cli/text_file.h"
#include "policy/rules/explain.h"
#include "policy/rules/format.h"
#include "policy/rules/parse.h"
#include "policy/rules/schema.h"
#include "policy/standing/past.h"
#include "policy/standing/shares.h"
#include "policy/standing/voting.h"

namespace dure::cli {
namespace {

using nlohmann::ordered_json;

constexpr auto kOfficers = identity::Roles{identity::Role::kOfficer};

struct ProposeOptions {
  std::string dir;
  std::string file;
  bool emergency = false;
};

// Rules, as they are proposed, and how that is said.
struct Proposed {
  ledger::PolicyProposed event;
  std::string said;
};

// A share formula is one line of its own form (docs/reference/shares.md).
constexpr std::string_view kFormula = "share formula:";

Result<Proposed> FormulaIn(std::string text, const ProposeOptions& options,
                           const Context& context) {
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  const auto formula = standing::ShareFormula::Parse(text);
  if (!formula) return Within(formula.error(), options.file);
  if (options.emergency) {
    return Fail(ErrorCode::kInvalid,
                Pick(context, options.file + " is a share formula, which is no emergency",
                     options.file + ": 몫의 산식은 긴급 안건이 될 수 없습니다"));
  }
  Proposed proposed;
  proposed.event.kind = ledger::ProposalKind::kFormula;
  proposed.said = Pick(
      context, "Proposed \"" + text + "\"",
      "몫의 산식 " + rules::WithParticle("\"" + text + "\"", "을(를)") + " 안건으로 올렸습니다");
  proposed.event.policy = std::move(text);
  return proposed;
}

Result<Proposed> PolicyIn(std::string text, const ProposeOptions& options, const Desk& desk,
                          const Context& context) {
  DURE_ASSIGN(const rules::PolicyDocument document, rules::ReadPolicy(text, options.file));
  Proposed proposed;
  proposed.event.kind =
      options.emergency ? ledger::ProposalKind::kEmergency : ledger::ProposalKind::kReplace;
  Status free;
  desk.clerk->WithStanding([&](const standing::Auditor& own) {
    free = CheckRuleNames(document, proposed.event.kind, own.standing(), options.file);
  });
  DURE_TRY(free);
  const auto& name = document.policy.name;
  const std::string version = std::to_string(document.policy.version);
  proposed.said = Pick(context, "Proposed \"" + name.en + "\" version " + version,
                       "\"" + (name.ko.empty() ? name.en : name.ko) + "\" 버전 " +
                           rules::WithParticle(version, "을(를)") + " 안건으로 올렸습니다");
  proposed.event.policy = std::move(text);
  return proposed;
}

Status Propose(const ProposeOptions& options, Context& context) {
  DURE_ASSIGN(std::string text, ReadTextFile(options.file, context));
  if (text.size() > ledger::kPolicyTextBytesMax) {
    const std::string bytes = std::to_string(text.size());
    const std::string most = std::to_string(ledger::kPolicyTextBytesMax);
    return Fail(ErrorCode::kInvalid,
                Pick(context,
                     options.file + " has " + bytes + " bytes; the record takes a text of " + most +
                         " at most: propose it in parts, each a policy with its own name",
                     options.file + ": " + bytes + "바이트입니다. 기록에 올릴 수 있는 글은 " +
                         most + "바이트까지이니 이름이 다른 정책 여럿으로 나누어 올리십시오"));
  }
  const bool formula = text.starts_with(kFormula);
  if (!formula) {
    DURE_ASSIGN(const rules::PolicyDocument document, rules::ReadPolicy(text, options.file));
    DURE_TRY(CheckProposal(document, options.file, context));
  }
  DURE_ASSIGN(Desk desk, OpenDesk(options.dir, kOfficers, context));
  DURE_TRY(desk.clerk->Follow());
  DURE_ASSIGN(Proposed proposed, formula ? FormulaIn(std::move(text), options, context)
                                         : PolicyIn(std::move(text), options, desk, context));
  desk.clerk->WithStanding([&](const standing::Auditor& own) {
    proposed.event.supersedes = own.standing().state().policies;
  });
  DURE_ASSIGN(const uint64_t index,
              RecordEntry(desk, std::move(proposed.event), proposed.said, context));
  const std::string vote =
      "dure vote " + std::to_string(index) + " yes|no|abstain --dir " + options.dir;
  const std::string tally = "dure tally " + std::to_string(index) + " --dir " + options.dir;
  context.Say(Pick(context,
                   "Members vote with: " + vote + "\nEverybody can see the count: " + tally,
                   "회원 기관의 투표: " + vote + "\n표를 세어 보려면(누구나): " + tally));
  return {};
}

struct VoteOptions {
  std::string dir;
  uint64_t proposal = 0;
  std::string choice;
  std::string reason;  // a file
};

Status CheckOpen(const Desk& desk, uint64_t entry, const Context& context) {
  std::optional<uint64_t> stopped;
  desk.clerk->WithStanding([&](const standing::Auditor& own) {
    const standing::State& state = own.standing().state();
    const auto proposal = state.proposals.find(entry);
    if (proposal != state.proposals.end()) stopped = StoppedAt(proposal->second, state);
  });
  if (!stopped) return {};
  const std::string at = std::to_string(*stopped);
  return Fail(
      ErrorCode::kFailedPrecondition,
      Pick(context,
           "the run that entry " + std::to_string(entry) + " proposes was stopped at entry " + at +
               ": there is nothing to vote on any more",
           "항목 " + std::to_string(entry) + "에서 제안한 학습은 항목 " + at +
               "에서 중지되어 더 이상 투표할 것이 없습니다"));
}

Status CastVote(const VoteOptions& options, Context& context) {
  DURE_ASSIGN(const ledger::Choice choice, ledger::ParseChoice(options.choice));
  DURE_ASSIGN(Desk desk, OpenDesk(options.dir, kOfficers, context));
  DURE_TRY(desk.clerk->Follow());
  const uint64_t size = desk.clerk->mirror().Head().head.size;
  if (options.proposal >= size) return Fail(NoSuchEntry(options.proposal, size, context));
  DURE_TRY(CheckOpen(desk, options.proposal, context));
  DURE_ASSIGN(const Digest reason, CommitEvidence(options.reason, context));
  const ledger::VoteCast event{options.proposal, desk.clerk->mirror().Leaf(options.proposal),
                               choice, reason};
  const std::string entry = std::to_string(options.proposal);
  return Record(desk, event,
                Pick(context, "Voted " + options.choice + " on entry " + entry,
                     "항목 " + entry + "의 안건에 " +
                         rules::WithParticle(
                             ledger::Words(options.choice, ledger::Language::kKorean), "(으)로") +
                         " 투표했습니다"),
                context);
}

std::string FlipText(const standing::Flip& flip, bool korean) {
  if (flip.contribution) {
    return flip.allowed ? Pick(korean, "not be counted", "셈하던 제출을 세지 않게 됨")
                        : Pick(korean, "be counted", "세지 않던 제출을 세게 됨");
  }
  return flip.allowed ? Pick(korean, "be refused", "승인이 거부로 바뀜")
                      : Pick(korean, "be admitted", "거부가 승인으로 바뀜");
}

Status ShowImpact(const std::string& dir, const std::string& file, Context& context) {
  const bool korean = IsKorean(context) && !context.json();
  DURE_ASSIGN(const std::string text, ReadTextFile(file, context));
  DURE_ASSIGN(const rules::PolicyDocument document, rules::ReadPolicy(text, file));
  DURE_ASSIGN(const auto record, RecordCopy::Open(dir, context));
  DURE_ASSIGN(const standing::Impact impact, standing::ImpactOf(record->log(), document));
  ordered_json flips = ordered_json::array();
  std::string lines;
  for (const standing::Flip& flip : impact.flips) {
    const std::string becomes = flip.allowed ? "deny" : "admit";
    const std::string kind = flip.contribution ? "contribution" : "decision";
    std::string why;
    for (const rules::Reason& reason : flip.proposed.reasons) {
      const bool ko = korean && !reason.because.ko.empty();
      why += (why.empty() ? "" : " ") + reason.rule + ": " +
             (ko ? reason.because.ko : reason.because.en);
    }
    flips.push_back({{"entry", flip.index}, {"kind", kind}, {"becomes", becomes}, {"why", why}});
    const std::string entry = std::to_string(flip.index);
    lines += Pick(korean, "  entry " + entry + " would ", "  항목 " + entry + ": ") +
             FlipText(flip, korean) + (why.empty() ? "" : ": " + why) + "\n";
  }
  if (context.json()) {
    context.PrintJson(ordered_json{
        {"decided", impact.decided},
        {"contributions", impact.contributions},
        {"flips", flips}}.dump());
    return {};
  }
  const std::string decided = std::to_string(impact.decided);
  const std::string contributions = std::to_string(impact.contributions);
  const std::string flipped = std::to_string(impact.flips.size());
  context.Print(Pick(korean,
                     decided + " past decisions and " + contributions +
                         " contributions, decided again with " + file + ": " + flipped +
                         " would come out otherwise.\n",
                     "지난 결정 " + decided + "개와 제출 " + contributions + "건을 " +
                         rules::WithParticle(file, "(으)로") + " 다시 결정해 보니 " +
                         (impact.flips.empty() ? "달라지는 것이 없습니다.\n"
                                               : flipped + "개가 달라집니다.\n")) +
                lines);
  return {};
}

struct InForceOptions {
  std::string dir;
  std::string name;
  bool text = false;
};

// The policies that the next run would be decided under, by the record.
// One text that holds, as it is listed and as it is read whole.
struct Shown {
  ordered_json json;
  std::string line;
  std::string whole;
};

Shown Show(const rules::PolicyDocument& document, const Digest& digest, uint64_t entry,
           const std::string& until, const InForceOptions& options, bool korean) {
  const rules::Policy& policy = document.policy;
  const auto language = korean ? rules::Language::kKorean : rules::Language::kEnglish;
  const std::string& name = korean && !policy.name.ko.empty() ? policy.name.ko : policy.name.en;
  const std::string version = std::to_string(policy.version);
  const std::string index = std::to_string(entry);
  Shown shown;
  shown.json = {{"name", policy.name.en},
                {"version", policy.version},
                {"entry", entry},
                {"sha256", digest.Hex()},
                {"emergencyUntil", until.empty() ? ordered_json() : ordered_json(until)},
                {"text", rules::Format(policy)}};
  shown.line = Pick(korean, name + ", version " + version + ", since entry " + index,
                    name + ", 버전 " + version + ", 항목 " + index + "부터");
  if (!until.empty()) {
    shown.line += Pick(korean, ", emergency rule until " + until, ", " + until + "까지 긴급 규칙");
  }
  shown.line += "\n";
  shown.whole = options.text ? rules::Format(policy)
                             : rules::ExplainPolicy(policy, rules::ConsortiumSchema(), language);
  return shown;
}

bool IsCalled(const rules::PolicyDocument& document, const std::string& name) {
  return document.policy.name.en.starts_with(name) || document.policy.name.ko.starts_with(name);
}

// What holds now: the texts in force by their names, then the emergency rules.
std::vector<Shown> InForceNow(const standing::Standing& now, rules::Instant at,
                              const InForceOptions& options, bool korean) {
  std::vector<Shown> all;
  for (const auto& [name, policy] : now.state().in_force) {
    const rules::PolicyDocument* document = now.Document(policy.digest);
    if (document == nullptr || !IsCalled(*document, options.name)) continue;
    all.push_back(Show(*document, policy.digest, policy.index, "", options, korean));
  }
  for (const standing::EmergencyRule& rule : now.state().emergencies) {
    const rules::PolicyDocument* document = now.Document(rule.digest);
    if (document == nullptr || rule.until < at || !IsCalled(*document, options.name)) continue;
    all.push_back(Show(*document, rule.digest, rule.index, rule.until.ToText(), options, korean));
  }
  return all;
}

Status ShowInForce(const InForceOptions& options, Context& context) {
  DURE_ASSIGN(const auto record, RecordCopy::Open(options.dir, context));
  const bool korean = IsKorean(context);
  const std::vector<Shown> all =
      InForceNow(record->auditor().standing(), rules::Instant::At(context.Now()), options,
                 korean && !context.json());
  if (all.empty() && !(context.json() && options.name.empty())) {
    return Fail(
        ErrorCode::kNotFound,
        options.name.empty()
            ? Pick(korean, "no policy is in force in this record", "시행 중인 정책이 없습니다")
            : Pick(korean,
                   "no policy in force begins with \"" + options.name +
                       "\"; dure policy in-force lists them",
                   rules::WithParticle("\"" + options.name + "\"", "(으)로") +
                       " 시작하는 시행 중인 정책이 없습니다. dure policy in-force로 "
                       "확인하십시오"));
  }
  ordered_json list = ordered_json::array();
  std::string lines;
  std::string whole;
  for (const Shown& one : all) {
    list.push_back(one.json);
    lines += one.line;
    whole += (whole.empty() ? "" : "\n") + one.whole;
  }
  if (context.json()) {
    context.PrintJson(ordered_json{{"policies", list}}.dump());
    return {};
  }
  context.Print(options.name.empty() && !options.text ? lines : whole);
  return {};
}

}  // namespace

void AddPolicyChangeVerbs(Command policy, Context& context) {
  auto in_force = std::make_shared<InForceOptions>();
  Command now = AddVerb(policy, "in-force", "Show the policies that are in force by the record",
                        "dure policy in-force --dir /srv/desk\n"
                        "dure policy in-force P2 --lang ko --dir /srv/desk\n"
                        "dure policy in-force P2 --text --dir /srv/desk > p2.policy");
  now.Add("name", in_force->name, "How its name begins: then all it says, in sentences");
  now.Add("--dir", in_force->dir, "A folder with a copy of the record").Required();
  now.Flag("--text", in_force->text, "As a text that can be changed and proposed");
  AddLanguage(now, context);
  context.Do(now, [in_force, &context] { return ShowInForce(*in_force, context); });

  auto propose = std::make_shared<ProposeOptions>();
  Command verb =
      AddVerb(policy, "propose", "Propose a policy, or a share formula, for the members' vote",
              "dure policy propose p2-purpose.policy --dir /srv/desk\n"
              "dure policy propose stop.policy --emergency --dir /srv/desk\n"
              "dure policy propose formula.txt --dir /srv/desk");
  verb.Add("file", propose->file, "The policy's text, or the formula's line").Required();
  verb.Add("--dir", propose->dir, "The officer's folder").Required();
  verb.Flag("--emergency", propose->emergency,
            "Rules that only forbid, in force at once with few votes, for a time");
  AddLanguage(verb, context);
  context.Do(verb, [propose, &context] { return Propose(*propose, context); });

  auto dir = std::make_shared<std::string>();
  auto file = std::make_shared<std::string>();
  Command impact =
      AddVerb(policy, "impact", "Show which past decisions a policy would have changed",
              "dure policy impact p2-purpose.policy --dir /srv/desk\n"
              "dure policy impact p2-purpose.policy --dir /srv/desk --lang ko");
  impact.Add("file", *file, "The policy's text").Required();
  impact.Add("--dir", *dir, "A folder with a copy of the record").Required();
  AddLanguage(impact, context);
  context.Do(impact, [dir, file, &context] { return ShowImpact(*dir, *file, context); });
}

void AddVoteCommands(Command dure, Context& context) {
  auto options = std::make_shared<VoteOptions>();
  Command vote = AddVerb(dure, "vote", "Vote on a proposal, once",
                         "dure vote 41 yes --dir /srv/desk\n"
                         "dure vote 41 abstain --dir /srv/desk --lang ko");
  vote.Add("entry", options->proposal, "The entry that proposes").Required();
  vote.Add("choice", options->choice, "yes, no or abstain")
      .Required()
      .OneOf({"yes", "no", "abstain"});
  vote.Add("--reason", options->reason,
           "A file that says why; it stays here, its salted digest is recorded");
  vote.Add("--dir", options->dir, "The officer's folder").Required();
  AddLanguage(vote, context);
  context.Do(vote, [options, &context] { return CastVote(*options, context); });
}

}  // namespace dure::cli
