// dure withdraw: end a dataset's use. See first what that touches, then file it, then close the
// case with the entries that show it done.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>

#include "cli/command.h"
#include "cli/counted.h"
#include "cli/evidence_file.h"
#include "cli/figures.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/record_copy.h"
#include "cli/spans.h"
#include "cli/terminal_text.h"
#include "cli/withdraw_scope.h"
#include "policy/lineage/lineage.h"

namespace dure::cli {
namespace {

using nlohmann::ordered_json;

constexpr auto kOfficers = identity::Roles{identity::Role::kOfficer};

struct WithdrawOptions {
  std::string dir;
  std::string dataset;
  std::string ground = "owner";
  std::string scope;  // empty: not said
  std::string within = "30d";
  std::string reference;  // a file
  uint64_t entry = 0;
  std::vector<uint64_t> evidence;
};

std::string Short(const Digest& digest) { return digest.Hex().substr(0, 16); }

// The figures that were measured on it; empty: none.
std::string MeasuredText(const lineage::DatasetUses& uses, const standing::State& state,
                         bool korean) {
  if (uses.figures.empty()) return {};
  return Pick(korean, "Figures measured on it, which stay on the record as they were reported\n",
              "이 데이터로 잰 값(보고된 그대로 기록에 남음)\n") +
         FiguresText(uses.figures, state, korean);
}

constexpr size_t kModelsShown = 12;

std::string Names(const std::vector<std::string>& of, ledger::CoalitionKind kind, bool korean) {
  const auto language = korean ? ledger::Language::kKorean : ledger::Language::kEnglish;
  std::string names;
  for (const std::string& one : of) {
    const bool house = kind == ledger::CoalitionKind::kGroup;
    names += (names.empty() ? "" : ", ") + (house ? ledger::Words(one, language) : one);
  }
  return names;
}

// Models of a round's parts, which were made to value it.
std::string PartsText(const lineage::DatasetUses& uses, bool korean) {
  std::string text;
  const size_t shown = std::min(uses.parts.size(), kModelsShown);
  for (const lineage::MadeOfParts& part : std::span(uses.parts).last(shown)) {
    const std::string model = Short(part.model);
    const std::string round = std::to_string(part.at.round.value);
    const std::string of = Names(part.of, part.kind, korean);
    text += Pick(korean,
                 "  model " + model + ", made to value round " + round + " of " +
                     part.at.run.str() + ": of " + of + " alone",
                 "  모델 " + model + ": " + part.at.run.str() + "의 라운드 " + round +
                     "을(를) 평가하려고 " + of + "만으로 만듦") +
            "\n";
  }
  if (const size_t more = uses.parts.size() - shown; more > 0) {
    text += Pick(korean,
                 "  and " + Counted(more, "earlier model") + " of that kind (--json names each)",
                 "  그 전에 그렇게 만든 모델 " + std::to_string(more) + "개(--json에 모두 있음)") +
            "\n";
  }
  return text;
}

// Which models, of which runs' rounds, and whose grants.
std::string ReachedText(const lineage::DatasetUses& uses, const standing::State& state,
                        bool korean) {
  std::string text;
  const size_t shown = std::min(uses.models.size(), kModelsShown);
  for (const lineage::Made& made : std::span(uses.models).last(shown)) {
    const std::string model = Short(made.model);
    const std::string round = std::to_string(made.at.round.value);
    text += Pick(korean, "  model " + model + ", round " + round + " of " + made.at.run.str(),
                 "  모델 " + model + ": " + made.at.run.str() + "의 라운드 " + round) +
            "\n";
  }
  if (const size_t more = uses.models.size() - shown; more > 0) {
    text += Pick(korean, "  and " + Counted(more, "earlier model") + " (--json names each)",
                 "  그 전의 모델 " + std::to_string(more) + "개(--json에 모두 있음)") +
            "\n";
  }
  for (const uint64_t index : uses.grants) {
    const ledger::GrantDecided& grant = state.grants.at(index).decided;
    const std::string entry = std::to_string(index);
    const std::string of = grant.grantee.str();
    const auto use = [&](ledger::Language l) { return ledger::Words(Name(grant.kind), l); };
    const std::string model = Short(grant.model);
    text += Pick(korean,
                 "  grant of entry " + entry + ": " + of + " to " +
                     use(ledger::Language::kEnglish) + " " + model,
                 "  이용 허가(항목 " + entry + "): " + of + ", 모델 " + model + " " +
                     use(ledger::Language::kKorean)) +
            "\n";
  }
  return text;
}

// A run that could ask for it. A sum without a site that earlier sums had would show its part, so a
// masked run may wait for one that has nothing left to lend.
std::string RunningText(const RunId& run, const standing::State& state, bool korean) {
  const auto& fields = state.runs.at(run).fields;
  const auto masking = fields.find("masking");
  const bool masked = masking != fields.end() && masking->second != "none";
  return Pick(korean,
              "  " + run.str() + " has rounds to come and could still ask for it" +
                  (masked ? "; it is masked, and may wait for good for a site that was in its sums "
                            "and has nothing else to lend"
                          : ""),
              "  " + run.str() + ": 아직 남은 라운드가 있어 이 데이터를 쓸 수 있음" +
                  (masked ? "(보안 합산을 쓰므로, 합에 들었던 사이트가 빌려줄 데이터가 없어지면 "
                            "더 나아가지 못하고 기다릴 수 있음)"
                          : "")) +
         "\n";
}

std::string PlanText(const lineage::WithdrawalPlan& plan, const standing::State& state, bool gone,
                     bool korean) {
  const std::string rounds = std::to_string(plan.uses.rounds.size());
  const std::string models = std::to_string(plan.uses.models.size());
  const std::string grants = std::to_string(plan.uses.grants.size());
  std::string text = plan.uses.dataset.str();
  text += korean ? " (" + plan.uses.custodian.str() + "): 라운드 " + rounds + "개에 쓰였고, 모델 " +
                       models + "개와 이용 허가 " + grants + "건에 들어 있습니다.\n"
                 : " of " + plan.uses.custodian.str() + " was counted in " +
                       Counted(plan.uses.rounds.size(), "round") + " and is behind " +
                       Counted(plan.uses.models.size(), "model") + " and " +
                       Counted(plan.uses.grants.size(), "grant") + ".\n";
  for (const auto& [run, model] : plan.uses.clean) {
    const char* none =
        korean ? "없음. 첫 라운드부터 들어갔음" : "none, it was there from the first round";
    text += (korean ? "  " + run.str() + "에서 이 데이터가 들어가지 않은 마지막 모델: "
                    : "  last model of " + run.str() + " without it: ") +
            (model.IsZero() ? none : Short(model)) + "\n";
  }
  text += ReachedText(plan.uses, state, korean) + PartsText(plan.uses, korean);
  for (const RunId& run : plan.running) text += RunningText(run, state, korean);
  const std::string measured = MeasuredText(plan.uses, state, korean);
  if (!measured.empty()) text += "\n" + measured;
  if (gone) return text + "\n";  // nothing is left to choose
  text += Pick(korean, "\nWhat can be asked for (--scope)\n", "\n고를 수 있는 범위 (--scope)\n");
  return text + ScopesText(plan, korean);
}

// What its terms say of a withdrawal; empty: nothing that narrows it.
std::string TermsText(const standing::Dataset& dataset, bool korean) {
  std::string text;
  for (const auto& [version, entry] : dataset.versions) {
    const terms::Withdrawal& terms = entry.terms.withdrawal;
    std::string scopes;
    for (const auto scope : terms.scopes) {
      scopes += (scopes.empty() ? "" : ", ") + std::string(terms::Word(scope));
    }
    std::string line;
    if (!terms.allowed) {
      line += Pick(korean, " no withdrawal;", " 철회를 허용하지 않음.");
    } else if (!scopes.empty()) {
      line += Pick(korean, " " + scopes + " only;", " " + scopes + "만 가능.");
    }
    if (terms.notice_days > 0) {
      const std::string days = std::to_string(terms.notice_days);
      line += Pick(korean, " " + days + " days' notice;", " 예고 기간 " + days + "일.");
    }
    if (line.empty()) continue;
    line.pop_back();
    const std::string number = std::to_string(version);
    text += Pick(korean, "  version " + number + ":" + line + "\n",
                 "  버전 " + number + ":" + line + "\n");
  }
  if (text.empty()) return text;
  return Pick(korean,
              "\nWhat its terms say (the grounds consent and court are not bound by them)\n",
              "\n이용조건이 정한 철회(동의 철회와 법원 명령에는 적용되지 않음)\n") +
         text;
}

// Or that it is done already: the record takes one withdrawal of a dataset.
std::string HowToFile(const WithdrawOptions& options, const MemberId& owner,
                      const std::optional<standing::WithdrawalCase>& gone, const Context& context) {
  if (!gone) {
    return Pick(context,
                "A dataset is withdrawn once; the scope cannot be changed afterwards.\n"
                "An officer of " +
                    owner.str() + " files it with: dure withdraw file " + options.dataset +
                    " --scope SCOPE --dir FOLDER",
                "철회는 한 번만 할 수 있고 범위는 나중에 바꿀 수 없습니다.\n" + owner.str() +
                    "의 정책 담당자가 철회하려면: dure withdraw file " + options.dataset +
                    " --scope 범위 --dir 폴더");
  }
  const std::string entry = std::to_string(gone->index);
  const std::string scope = ledger::WordsAndCode(Name(gone->scope), RecordLanguage(context));
  const std::string until = gone->deadline.ToText();
  const std::string closed = gone->closed ? std::to_string(*gone->closed) : "";
  return Pick(context,
              options.dataset + " was withdrawn at entry " + entry + " already (scope: " + scope +
                  ", by " + until + "); the case " +
                  (gone->closed ? "was closed at entry " + closed : "is open") + ".",
              rules::WithParticle(options.dataset, "은(는)") + " 항목 " + entry +
                  "에서 이미 철회되었습니다(범위 " + scope + ", 기한 " + until + "). " +
                  (gone->closed ? "처리는 항목 " + closed + "에서 마무리되었습니다."
                                : "아직 처리 중입니다."));
}

Status Plan(const WithdrawOptions& options, Context& context) {
  DURE_ASSIGN(const DatasetId id, DatasetId::Parse(options.dataset));
  DURE_ASSIGN(const auto record, RecordCopy::Open(options.dir, context));
  DURE_TRY(HasDataset(record->state(), id, context));
  DURE_ASSIGN(const lineage::WithdrawalPlan plan, lineage::PlanWithdrawal(record->state(), id));
  const auto& gone = record->state().datasets.at(id).withdrawn;
  ordered_json choices = ordered_json::array();
  ordered_json clean = ordered_json::object();
  for (const auto& [run, model] : plan.uses.clean) {
    clean[run.str()] = model.IsZero() ? ordered_json(nullptr) : ordered_json(model.Hex());
  }
  for (const lineage::WithdrawalOption& option : plan.options) {
    choices.push_back({{"scope", Name(option.scope)},
                       {"rounds_again", option.rounds_again},
                       {"tokens_again", option.tokens_again},
                       {"models_retired", option.models_retired},
                       {"grants_ended", option.grants_ended}});
  }
  ordered_json behind = ordered_json::array();
  for (const lineage::Made& made : plan.uses.models) {
    behind.push_back(
        {{"model", made.model.Hex()}, {"run", made.at.run.str()}, {"round", made.at.round.value}});
  }
  ordered_json parts = ordered_json::array();
  for (const lineage::MadeOfParts& part : plan.uses.parts) {
    parts.push_back({{"model", part.model.Hex()},
                     {"run", part.at.run.str()},
                     {"round", part.at.round.value},
                     {"of", part.of}});
  }
  if (context.json()) {
    context.PrintJson(ordered_json{
        {"dataset", id.str()},
        {"rounds", plan.uses.rounds.size()},
        {"models", plan.uses.models.size()},
        {"models_behind", behind},
        {"models_of_parts", parts},
        {"grants", plan.uses.grants},
        {"figures", FiguresJson(plan.uses.figures, record->state())},
        {"last_clean", clean},
        {"masked", plan.masked},
        {"withdrawn", gone ? ordered_json(gone->index) : ordered_json(nullptr)},
        {"options",
         choices}}.dump());
    return {};
  }
  context.Print(PlanText(plan, record->state(), gone.has_value(), IsKorean(context)) +
                TermsText(record->state().datasets.at(id), IsKorean(context)));
  context.Say(HowToFile(options, plan.uses.custodian, gone, context));
  return {};
}

// It cannot be taken back or changed, so nobody's scope is guessed: who did not say it is asked at
// a terminal, below the plan, and told elsewhere what there is to choose.
Result<ledger::WithdrawalScope> ScopeOf(const WithdrawOptions& options,
                                        const standing::State& state, const DatasetId& id,
                                        Context& context) {
  if (!options.scope.empty()) return ledger::ParseWithdrawalScope(options.scope);
  DURE_ASSIGN(const lineage::WithdrawalPlan plan, lineage::PlanWithdrawal(state, id));
  const auto& gone = state.datasets.at(id).withdrawn;
  if (gone) {
    return Fail(ErrorCode::kFailedPrecondition,
                HowToFile(options, plan.uses.custodian, gone, context));
  }
  const bool korean = IsKorean(context);
  if (context.json() || isatty(STDIN_FILENO) != 1) return Fail(NoScope(plan, korean));
  std::cerr << TerminalText(PlanText(plan, state, false, korean) +
                            TermsText(state.datasets.at(id), korean));
  return AskForScope(plan, std::cin, std::cerr, korean);
}

Status FileIt(const WithdrawOptions& options, Context& context) {
  ledger::DatasetWithdrawn event;
  DURE_ASSIGN(event.dataset, DatasetId::Parse(options.dataset));
  DURE_ASSIGN(const std::chrono::seconds within, ParseSpan(options.within));
  event.ground = options.ground;
  event.deadline = FormatRfc3339(context.Now() + within);
  DURE_ASSIGN(event.reference, CommitEvidence(options.reference, context));
  DURE_ASSIGN(Desk desk, OpenDesk(options.dir, kOfficers, context));
  DURE_TRY(desk.clerk->Follow());
  Status known;
  standing::State before;  // copied: a person may take minutes to answer
  desk.clerk->WithStanding([&](const standing::Auditor& own) {
    before = own.standing().state();
    known = HasDataset(before, event.dataset, context);
  });
  DURE_TRY(known);
  DURE_ASSIGN(event.scope, ScopeOf(options, before, event.dataset, context));
  DURE_ASSIGN(const uint64_t index,
              RecordEntry(desk, event,
                          Pick(context, "Withdrew " + options.dataset,
                               "데이터셋 " + options.dataset + "의 이용을 철회했습니다"),
                          context));
  std::string measured;
  desk.clerk->WithStanding([&](const standing::Auditor& own) {
    const standing::State& state = own.standing().state();
    const auto uses = lineage::UsesOf(state, event.dataset);
    if (uses) measured = MeasuredText(*uses, state, IsKorean(context));
  });
  if (!measured.empty()) context.Say(measured);
  const std::string close = "dure withdraw close " + std::to_string(index) + " --evidence ";
  const std::string dir = " --dir " + options.dir;
  context.Say(
      Pick(context,
           "No later round uses it. A round under way leaves out what was trained on it; one "
           "that was being\nclosed had closed before this entry. Close the case with: " +
               close + "N…" + dir,
           "이후 라운드는 이 데이터를 쓰지 않습니다. 진행 중이던 라운드는 이 데이터로 학습한 "
           "기여분을 뺍니다.\n이미 마무리되던 라운드는 이 항목보다 먼저 끝난 것으로 남습니다. "
           "마무리하려면: " +
               close + "번호…" + dir));
  return {};
}

Status CloseIt(const WithdrawOptions& options, Context& context) {
  DURE_ASSIGN(Desk desk, OpenDesk(options.dir, kOfficers, context));
  std::vector<uint64_t> evidence = options.evidence;
  std::ranges::sort(evidence);
  const ledger::WithdrawalClosed event{options.entry, evidence};
  const std::string entry = std::to_string(options.entry);
  return Record(desk, event,
                Pick(context, "Closed the case of entry " + entry,
                     "항목 " + entry + "의 철회 처리를 마무리했습니다"),
                context);
}

}  // namespace

void AddWithdrawCommands(Command dure, Context& context) {
  Command noun = AddNoun(dure, "withdraw", "End a dataset's use: plan, file, close");
  auto options = std::make_shared<WithdrawOptions>();
  Command plan = AddVerb(noun, "plan", "Show what the withdrawal of a dataset touches",
                         "dure withdraw plan reviews --dir /srv/desk\n"
                         "dure withdraw plan reviews --dir /srv/desk --lang ko");
  plan.Add("dataset", options->dataset, "The dataset").Required();
  plan.Add("--dir", options->dir, "A folder with a copy of the record").Required();
  AddLanguage(plan, context);
  context.Do(plan, [options, &context] { return Plan(*options, context); });

  Command file =
      AddVerb(noun, "file", "Withdraw a dataset of your own institution, once and for good",
              "dure withdraw file reviews --scope future-rounds --ground consent --dir /srv/desk\n"
              "dure withdraw file reviews --scope retire-models --within 14d --dir .");
  file.Add("dataset", options->dataset, "The dataset").Required();
  file.Add("--ground", options->ground, "consent, contract-end, court, quality or owner")
      .OneOf({"consent", "contract-end", "court", "quality", "owner"})
      .ShowDefault();
  file.Add("--scope", options->scope,
           "future-rounds, restart, retrain or retire-models; it cannot be changed afterwards. Not "
           "given: asked at a terminal, below what each costs")
      .OneOf({"future-rounds", "restart", "retrain", "retire-models"});
  file.Add("--reference", options->reference,
           "A file that it rests on, such as an order of a court; it stays here, its salted digest "
           "is recorded");
  file.Add("--within", options->within, "By when it is to be done").ShowDefault();
  file.Add("--dir", options->dir, "The officer's folder").Required();
  AddLanguage(file, context);
  context.Do(file, [options, &context] { return FileIt(*options, context); });

  Command close = AddVerb(noun, "close", "Close a withdrawal with entries that show it done",
                          "dure withdraw close 88 --evidence 93 97 --dir /srv/desk");
  close.Add("entry", options->entry, "The dataset-withdrawn entry").Required();
  close
      .Add("--evidence", options->evidence,
           "Entries after it that show it done: rounds closed without the dataset, by runs that "
           "used "
           "it or do their work again; halted runs; revoked grants")
      .Required();
  close.Add("--dir", options->dir, "The officer's folder").Required();
  AddLanguage(close, context);
  context.Do(close, [options, &context] { return CloseIt(*options, context); });
}

}  // namespace dure::cli
