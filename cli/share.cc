// dure share: what part of a run each member is credited with, by the formula the members voted;
// why; and whether a recorded computation comes out again.
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/folders.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/operator_desk.h"
#include "cli/record_copy.h"
#include "cli/share_text.h"
#include "policy/standing/past.h"
#include "policy/standing/shares.h"
#include "policy/standing/valuation.h"

namespace dure::cli {
namespace {

using nlohmann::ordered_json;
using standing::ShareFormula;

struct ShareOptions {
  std::string run;
  uint64_t entry = 0;
  std::string dir;
  std::optional<uint64_t> seed;
  std::string method = "formula";
  bool log = false;
};

ordered_json Json(const std::vector<ledger::ShareOfMember>& shares) {
  ordered_json list = ordered_json::array();
  for (const ledger::ShareOfMember& one : shares) {
    list.push_back({{"member", one.member.str()},
                    {"share_ppm", one.share_ppm},
                    {"low_ppm", one.low_ppm},
                    {"high_ppm", one.high_ppm}});
  }
  return list;
}

Result<const standing::Run*> RunOf(const standing::State& state, const RunId& id,
                                   const Context& context) {
  const auto run = state.runs.find(id);
  if (run != state.runs.end()) return &run->second;
  return Fail(NoSuchRun(id.str(), context));
}

// What is recorded, however it was computed, and what is said of it.
struct Computed {
  ledger::ShareComputed event;
  std::string by;        // the formula, or the method
  std::string interval;  // what the brackets are
  std::string caveat;
};

Result<Computed> ByFormula(const RecordCopy& record, const RunId& id, const ShareOptions& options,
                           const ShareTexts& texts) {
  const standing::State& state = record.state();
  const ShareFormula formula = standing::FormulaOf(state);
  const uint64_t seed = options.seed.value_or(standing::SeedOf(record.log(), state, id));
  Computed computed{
      {id, formula.digest(), record.log().Head().head.size, seed,
       standing::ComputeShares(state, id, formula, seed)},
      texts.Formula(formula),
      Pick(texts.korean, "90 of 100 draws of the run's rounds (seed " + std::to_string(seed) + ")",
           "라운드를 100번 다시 뽑아 그중 90번이 드는 범위(시드 " + std::to_string(seed) + ")"),
      texts.FormulaCaveat()};
  if (!computed.event.shares.empty()) return computed;
  return Fail(ErrorCode::kFailedPrecondition,
              Pick(texts.korean, "no round of \"" + id.str() + "\" has closed",
                   "학습 \"" + id.str() + "\"에서 완료된 라운드가 없습니다"));
}

Result<Computed> ByMeasurement(const RecordCopy& record, const RunId& id,
                               const ShareOptions& options, const ShareTexts& texts) {
  const std::string& method = options.method;
  DURE_ASSIGN(const ledger::CoalitionKind kind, ledger::ParseCoalitionKind(method));
  const standing::Valuation valuation = standing::ValueRun(record.state(), id, kind);
  if (valuation.refusal) {
    return Fail(ErrorCode::kFailedPrecondition, texts.Refused(method, *valuation.refusal));
  }
  const std::string rounds = std::to_string(valuation.valued.rounds.size());
  return Computed{
      {id, standing::DigestOf(kind), record.log().Head().head.size, 0, valuation.valued.shares},
      Pick(texts.korean, method + ", over " + rounds + " measured rounds",
           method + ", 측정한 라운드 " + rounds + "개"),
      Pick(texts.korean, "what comes out without one of the sites that measured",
           "측정한 사이트 하나를 뺐을 때 나오는 값의 범위"),
      texts.MeasuredCaveat()};
}

Status Compute(const ShareOptions& options, Context& context) {
  const ShareTexts texts{IsKorean(context)};
  DURE_ASSIGN(const RunId id, RunId::Parse(options.run));
  DURE_ASSIGN(auto record, RecordCopy::Open(options.dir, context));
  DURE_TRY(RunOf(record->state(), id, context).map([](const auto*) {}));
  DURE_ASSIGN(const Computed computed, options.method == "formula"
                                           ? ByFormula(*record, id, options, texts)
                                           : ByMeasurement(*record, id, options, texts));
  const ledger::ShareComputed& event = computed.event;
  std::optional<uint64_t> entry;
  if (options.log) {
    record.reset();  // the desk's clerk opens the same copy
    DURE_ASSIGN(Desk desk, OpenDesk(options.dir, {identity::Role::kOfficer}, context));
    DURE_ASSIGN(entry, Submit(desk, event, context));
  }
  if (context.json()) {
    context.PrintJson(ordered_json{{"run", id.str()},
                                   {"formula", computed.by},
                                   {"as_of", event.as_of},
                                   {"seed", event.seed},
                                   {"shares", Json(event.shares)},
                                   {"entry", entry ? ordered_json(*entry) : ordered_json(nullptr)}}
                          .dump());
    return {};
  }
  const bool korean = texts.korean;
  const std::string as_of = std::to_string(event.as_of);
  const std::string recorded = entry ? std::to_string(*entry) : "";
  context.Print(Pick(korean, id.str() + " after " + as_of + " entries\n",
                     "학습 " + id.str() + ", 항목 " + as_of + "개까지\n") +
                computed.by + "\n\n" + texts.Shares(event.shares) +
                Pick(korean, "\nIn brackets: " + computed.interval + ".\n",
                     "\n괄호 안: " + computed.interval + "\n") +
                computed.caveat +
                (entry
                     ? Pick(korean, "\nRecorded as entry " + recorded + ".",
                            "\n항목 " + rules::WithParticle(recorded, "(으)로") + " 기록했습니다.")
                     : ""));
  return {};
}

ordered_json Json(const standing::RoundWorth& round) {
  ordered_json parts = ordered_json::array();
  for (const auto& part : round.parts) {
    parts.push_back({{"of", part.of}, {"model", part.model.Hex()}, {"loss_ppb", part.loss}});
  }
  ordered_json sites = ordered_json::array();
  for (const SiteId& site : round.sites) sites.push_back(site.str());
  return {{"round", round.at.round.value},
          {"measured_by", sites},
          {"parts", parts},
          {"gains_ppb", round.gains}};
}

// Which losses a measured share is made of.
Status ExplainMeasured(const standing::State& state, const RunId& id, const ShareOptions& options,
                       Context& context) {
  const ShareTexts texts{IsKorean(context)};
  const std::string& method = options.method;
  DURE_ASSIGN(const ledger::CoalitionKind kind, ledger::ParseCoalitionKind(method));
  const standing::Valuation valuation = standing::ValueRun(state, id, kind);
  if (valuation.refusal && valuation.valued.rounds.empty()) {
    return Fail(ErrorCode::kFailedPrecondition, texts.Refused(method, *valuation.refusal));
  }
  ordered_json rounds = ordered_json::array();
  for (const standing::RoundWorth& round : valuation.valued.rounds) rounds.push_back(Json(round));
  context.Print(context.json() ? ordered_json{{"run", id.str()},
                                              {"method", method},
                                              {"rounds", rounds},
                                              {"shares", Json(valuation.valued.shares)}}
                                     .dump()
                               : texts.Measured(id, method, valuation) + texts.MeasuredCaveat());
  return {};
}

Status Explain(const ShareOptions& options, Context& context) {
  DURE_ASSIGN(const RunId id, RunId::Parse(options.run));
  DURE_ASSIGN(const auto record, RecordCopy::Open(options.dir, context));
  const standing::State& state = record->state();
  DURE_TRY(RunOf(state, id, context).map([](const auto*) {}));
  if (options.method != "formula") return ExplainMeasured(state, id, options, context);
  const ShareFormula formula = standing::FormulaOf(state);
  const ShareTexts texts{IsKorean(context)};
  const auto inputs = standing::ShareInputs(state, id);
  const auto parts = standing::ShareParts(state, id, formula);
  ordered_json members = ordered_json::array();
  for (const auto& [member, input] : inputs) {
    members.push_back({{"member", member.str()},
                       {"tokens", input.tokens},
                       {"steps", input.steps},
                       {"rounds", input.rounds},
                       {"evaluations", input.evaluations}});
    if (input.accelerator_seconds == 0) continue;
    members.back()["accelerator_seconds"] = input.accelerator_seconds;
  }
  context.Print(
      context.json()
          ? ordered_json{{"run", id.str()}, {"formula", formula.Text()}, {"inputs", members}}.dump()
          : texts.Explained(inputs, parts, formula));
  return {};
}

std::vector<ledger::ShareOfMember> ComputedAgain(const standing::State& state,
                                                 const ledger::ShareComputed& said) {
  for (const auto kind : {ledger::CoalitionKind::kLeaveOneOut, ledger::CoalitionKind::kGroup}) {
    if (said.formula != standing::DigestOf(kind)) continue;
    return standing::ValueRun(state, said.run, kind).valued.shares;
  }
  return standing::ComputeShares(state, said.run, standing::FormulaOf(state), said.seed);
}

// Every model of the run's parts, and those beside which they stand, measured by every site.
Status Measure(const ShareOptions& options, Context& context) {
  DURE_ASSIGN(const RunId id, RunId::Parse(options.run));
  std::vector<Digest> models;
  std::string method;
  {
    DURE_ASSIGN(const auto record, RecordCopy::Open(OperatorFolder(options.dir), context));
    const standing::State& state = record->state();
    DURE_ASSIGN(const standing::Run* run, RunOf(state, id, context));
    const auto declared = run->fields.find("valuation");
    const bool groups = declared != run->fields.end() && declared->second == "group";
    method = groups ? "group-shapley" : "leave-one-out";
    DURE_ASSIGN(const ledger::CoalitionKind kind, ledger::ParseCoalitionKind(method));
    if (const auto refusal = standing::RefusalOf(*run, kind)) {
      return Fail(ErrorCode::kFailedPrecondition,
                  ShareTexts{IsKorean(context)}.Refused(method, *refusal));
    }
    models = standing::ModelsToMeasure(state, id);
  }
  DURE_ASSIGN(const auto desk, OperatorDesk::Open(options.dir, context.Now()));
  uint64_t measured = 0;
  for (const Digest& model : models) {
    const std::string number = std::to_string(++measured);
    const std::string all = std::to_string(models.size());
    context.Say(Pick(context, "model " + number + " of " + all,
                     "모델 " + all + "개 중 " + number + "번째"));
    DURE_ASSIGN(const auto evaluated,
                desk.Evaluate(options.run, model.Hex(), {}, std::chrono::hours(1)));
    DURE_TRY(evaluated.Whole());
  }
  if (context.json()) {
    context.PrintJson(ordered_json{{"run", options.run}, {"models", measured}}.dump());
    return {};
  }
  const std::string count = std::to_string(measured);
  const std::string next = "dure share compute " + options.run + " --method " + method + " --dir ";
  context.Print(Pick(context, count + " models are measured. Next: " + next + "DESK",
                     "모델 " + count + "개를 측정했습니다. 다음: " + next + "폴더"));
  return {};
}

Status Recompute(const ShareOptions& options, Context& context) {
  DURE_ASSIGN(const auto record, RecordCopy::Open(options.dir, context));
  DURE_ASSIGN(const ledger::OpenedEntry entry, record->Entry(options.entry));
  const auto* said = std::get_if<ledger::ShareComputed>(&entry.record.event);
  if (said == nullptr) {
    const std::string number = std::to_string(options.entry);
    return Fail(ErrorCode::kInvalid, Pick(context, "entry " + number + " computes no shares",
                                          "항목 " + number + "에는 몫 계산이 없습니다"));
  }
  DURE_ASSIGN(const standing::Standing before, standing::StandingAt(record->log(), options.entry));
  const auto finding = before.Check(entry);
  const auto again = ComputedAgain(before.state(), *said);
  if (context.json()) {
    context.PrintJson(ordered_json{
        {"entry", options.entry},
        {"run", said->run.str()},
        {"holds", !finding},
        {"recorded", Json(said->shares)},
        {"recomputed",
         Json(again)}}.dump());
  } else {
    const ShareTexts texts{IsKorean(context)};
    const std::string number = std::to_string(options.entry);
    context.Print(
        Pick(texts.korean, "entry " + number + ", " + said->run.str() + "\nrecorded\n",
             "항목 " + number + ", 학습 " + said->run.str() + "\n기록된 몫\n") +
        texts.Shares(said->shares) +
        Pick(texts.korean, "recomputed from this copy\n", "이 사본에서 다시 계산한 몫\n") +
        texts.Shares(again) + (finding ? "" : Pick(texts.korean, "The same.", "같습니다.")));
  }
  if (!finding) return {};
  return Fail(ErrorCode::kCorrupt,
              ledger::WordsAndCode(finding->rule, RecordLanguage(context)) + ": " + finding->text);
}

void AddMethod(Command verb, ShareOptions& options) {
  verb.Add("--method", options.method,
           "formula: as members voted; leave-one-out or group-shapley: as sites measured, in "
           "a run that declared it")
      .OneOf({"formula", "leave-one-out", "group-shapley"});
}

}  // namespace

void AddShareCommands(Command dure, Context& context) {
  Command noun = AddNoun(dure, "share", "Compute, explain and recompute members' shares of a run");
  auto options = std::make_shared<ShareOptions>();
  Command compute = AddVerb(noun, "compute", "Compute each member's share, with its interval",
                            "dure share compute first --dir desk\n"
                            "dure share compute first --log --dir desk");
  compute.Add("run", options->run, "The run").Required();
  compute.Add("--dir", options->dir, "A folder with a copy of the record").Required();
  compute.Add("--seed", options->seed,
              "Of the draws behind the interval; by default from the run's last closing entry");
  AddMethod(compute, *options);
  compute.Flag("--log", options->log, "An officer: have the result recorded");
  AddLanguage(compute, context);
  context.Do(compute, [options, &context] { return Compute(*options, context); });

  Command measure =
      AddVerb(noun, "measure", "Have sites measure a valued run's models without some members",
              "dure share measure first --dir /srv/dure");
  measure.Add("run", options->run, "A run that declared --valuation").Required();
  measure.Add("--dir", options->dir, "The folder of an operator, or of the consortium").Required();
  context.Do(measure, [options, &context] { return Measure(*options, context); });

  Command explain = AddVerb(noun, "explain", "Show what each part of the formula came to",
                            "dure share explain first --dir desk");
  explain.Add("run", options->run, "The run").Required();
  explain.Add("--dir", options->dir, "A folder with a copy of the record").Required();
  AddMethod(explain, *options);
  AddLanguage(explain, context);
  context.Do(explain, [options, &context] { return Explain(*options, context); });

  Command again = AddVerb(noun, "recompute", "Compute recorded shares again and compare",
                          "dure share recompute 120 --dir desk");
  again.Add("entry", options->entry, "The entry that recorded them").Required();
  again.Add("--dir", options->dir, "A folder with a copy of the record").Required();
  AddLanguage(again, context);
  context.Do(again, [options, &context] { return Recompute(*options, context); });
}

}  // namespace dure::cli
