// dure share: what part of a run each member is credited with, by the formula the members voted;
// why; and whether a recorded computation comes out again.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/folders.h"
#include "cli/nouns.h"
#include "cli/operator_desk.h"
#include "cli/record_copy.h"
#include "policy/standing/past.h"
#include "policy/standing/shares.h"
#include "policy/standing/valuation.h"

namespace dure::cli {
namespace {

using nlohmann::ordered_json;
using standing::ShareFormula;

struct Options {
  std::string run;
  uint64_t entry = 0;
  std::string dir;
  std::optional<uint64_t> seed;
  std::string method = "formula";
  bool log = false;
};

std::string Percent(uint64_t ppm) {
  return fmt::format("{:.2f} %", static_cast<double>(ppm) / 1e4);
}

ordered_json Json(const std::vector<ledger::ShareOfMember>& shares) {
  ordered_json json = ordered_json::array();
  for (const ledger::ShareOfMember& one : shares) {
    json.push_back({{"member", one.member.str()},
                    {"share_ppm", one.share_ppm},
                    {"low_ppm", one.low_ppm},
                    {"high_ppm", one.high_ppm}});
  }
  return json;
}

std::string Text(const std::vector<ledger::ShareOfMember>& shares) {
  std::string text;
  for (const ledger::ShareOfMember& one : shares) {
    text += fmt::format("  {:<24} {:>8}   ({} to {})\n", one.member.str(), Percent(one.share_ppm),
                        Percent(one.low_ppm), Percent(one.high_ppm));
  }
  return text;
}

constexpr const char* kCaveat =
    "A share is credit by the voted formula. It is not ownership, and not what the model gained by "
    "a contribution.";

Result<const standing::Run*> RunOf(const standing::State& state, const RunId& id) {
  const auto run = state.runs.find(id);
  if (run != state.runs.end()) return &run->second;
  return Fail(ErrorCode::kNotFound, "the record knows no run \"" + id.str() + "\"");
}

constexpr const char* kMeasured =
    "A share by measurement is what the model's loss would be higher without a contribution, on "
    "the "
    "text that the sites measured on. It is not ownership.";

// What is recorded, however it was computed, and what is said of it.
struct Computed {
  ledger::ShareComputed event;
  std::string by;        // the formula, or the method
  std::string interval;  // what the brackets are
  const char* caveat = kCaveat;
};

Result<Computed> ByFormula(const RecordCopy& record, const RunId& id,
                           const std::optional<uint64_t>& given) {
  const standing::State& state = record.state();
  const ShareFormula formula = standing::FormulaOf(state);
  const uint64_t seed = given.value_or(standing::SeedOf(record.log(), state, id));
  Computed computed{{id, formula.digest(), record.log().Head().head.size, seed,
                     standing::ComputeShares(state, id, formula, seed)},
                    formula.Text(),
                    "90 of 100 draws of the run's rounds (seed " + std::to_string(seed) + ")"};
  if (!computed.event.shares.empty()) return computed;
  return Fail(ErrorCode::kFailedPrecondition, "no round of \"" + id.str() + "\" has closed");
}

Result<Computed> ByMeasurement(const RecordCopy& record, const RunId& id,
                               const std::string& method) {
  DURE_ASSIGN(const ledger::CoalitionKind kind, ledger::ParseCoalitionKind(method));
  const standing::Valuation valuation = standing::ValueRun(record.state(), id, kind);
  if (valuation.refusal) {
    return Fail(ErrorCode::kFailedPrecondition,
                method + " refused (" + valuation.refusal->code + "): " + valuation.refusal->text);
  }
  return Computed{
      {id, standing::DigestOf(kind), record.log().Head().head.size, 0, valuation.valued.shares},
      method + ", over " + std::to_string(valuation.valued.rounds.size()) + " measured rounds",
      "what comes out without one of the sites that measured",
      kMeasured};
}

Status Compute(const Options& options, Context& context) {
  DURE_ASSIGN(const RunId id, RunId::Parse(options.run));
  DURE_ASSIGN(auto record, RecordCopy::Open(options.dir, context));
  DURE_TRY(RunOf(record->state(), id).map([](const auto*) {}));
  DURE_ASSIGN(const Computed computed, options.method == "formula"
                                           ? ByFormula(*record, id, options.seed)
                                           : ByMeasurement(*record, id, options.method));
  const ledger::ShareComputed& event = computed.event;
  std::optional<uint64_t> entry;
  if (options.log) {
    record.reset();  // the desk's clerk opens the same copy
    DURE_ASSIGN(Desk desk, OpenDesk(options.dir, {identity::Role::kOfficer}, context));
    DURE_ASSIGN(entry, desk.clerk->Submit(event, context.Now()));
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
  context.Print(id.str() + " after " + std::to_string(event.as_of) + " entries\n" + computed.by +
                "\n\n" + Text(event.shares) + "\nIn brackets: " + computed.interval + ".\n" +
                computed.caveat +
                (entry ? "\nRecorded as entry " + std::to_string(*entry) + "." : ""));
  return {};
}

std::string NatsText(int64_t billionths) {
  return fmt::format("{:.6f}", static_cast<double>(billionths) / 1e9);
}

std::string Joined(const std::vector<std::string>& names) {
  if (names.empty()) return "nobody (the round's base)";
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
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

std::string Text(const standing::RoundWorth& round) {
  std::string text = "\nround " + std::to_string(round.at.round.value + 1) + ", measured by ";
  for (const SiteId& site : round.sites) {
    text += (site == round.sites.front() ? "" : ", ") + site.str();
  }
  text += "\n";
  for (const auto& part : round.parts) {
    text += "  loss " + NatsText(part.loss) + " with " + Joined(part.of) + "\n";
  }
  for (const auto& [name, gain] : round.gains) {
    text += "  " + name + " brought " + NatsText(gain) + "\n";
  }
  return text;
}

// Which losses a measured share is made of.
Status ExplainMeasured(const standing::State& state, const RunId& id, const std::string& method,
                       Context& context) {
  DURE_ASSIGN(const ledger::CoalitionKind kind, ledger::ParseCoalitionKind(method));
  const standing::Valuation valuation = standing::ValueRun(state, id, kind);
  if (valuation.refusal && valuation.valued.rounds.empty()) {
    return Fail(ErrorCode::kFailedPrecondition,
                method + " refused (" + valuation.refusal->code + "): " + valuation.refusal->text);
  }
  ordered_json rounds = ordered_json::array();
  std::string text = method + " of " + id.str() + ": losses in nats a byte; smaller is better\n";
  for (const standing::RoundWorth& round : valuation.valued.rounds) {
    rounds.push_back(Json(round));
    text += Text(round);
  }
  text += "\n" + (valuation.refusal ? valuation.refusal->text + "\n"
                                    : "shares: parts of all that was brought; a house's is divided "
                                      "evenly among its members\n" +
                                          Text(valuation.valued.shares));
  context.Print(context.json() ? ordered_json{{"run", id.str()},
                                              {"method", method},
                                              {"rounds", rounds},
                                              {"shares", Json(valuation.valued.shares)}}
                                     .dump()
                               : text + kMeasured);
  return {};
}

Status Explain(const Options& options, Context& context) {
  DURE_ASSIGN(const RunId id, RunId::Parse(options.run));
  DURE_ASSIGN(const auto record, RecordCopy::Open(options.dir, context));
  const standing::State& state = record->state();
  DURE_TRY(RunOf(state, id).map([](const auto*) {}));
  if (options.method != "formula") return ExplainMeasured(state, id, options.method, context);
  const ShareFormula formula = standing::FormulaOf(state);
  const auto inputs = standing::ShareInputs(state, id);
  const auto parts = standing::ShareParts(state, id, formula);
  ordered_json members = ordered_json::array();
  std::string text = formula.Text() + "\n";
  for (const auto& [member, input] : inputs) {
    members.push_back({{"member", member.str()},
                       {"tokens", input.tokens},
                       {"steps", input.steps},
                       {"rounds", input.rounds},
                       {"evaluations", input.evaluations}});
    const bool hidden = input.rounds > 0 && input.steps == 0;
    const std::string given = hidden
                                  ? std::string("tokens and steps hidden by masking")
                                  : fmt::format("{} tokens, {} steps", input.tokens, input.steps);
    text += fmt::format("\n{}: {}, {} rounds, {} evaluations\n", member.str(), given, input.rounds,
                        input.evaluations);
    for (const standing::SharePart& part : parts) {
      const auto own = part.parts.find(member);
      if (own == part.parts.end() || part.percent == 0) continue;
      text += fmt::format("  {} of all {}, which count {} of 100: {}\n", Percent(own->second),
                          part.name, part.percent, Percent(own->second * part.percent / 100));
    }
  }
  text += fmt::format(
      "\nNobody gets more than {} of 100 of the tokens' part. What nobody has any of counts "
      "nothing, and the rest is scaled to the whole.\n{}",
      formula.cap, kCaveat);
  context.Print(
      context.json()
          ? ordered_json{{"run", id.str()}, {"formula", formula.Text()}, {"inputs", members}}.dump()
          : text);
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
Status Measure(const Options& options, Context& context) {
  DURE_ASSIGN(const RunId id, RunId::Parse(options.run));
  std::vector<Digest> models;
  std::string method;
  {
    DURE_ASSIGN(const auto record, RecordCopy::Open(OperatorFolder(options.dir), context));
    const standing::State& state = record->state();
    DURE_ASSIGN(const standing::Run* run, RunOf(state, id));
    const auto declared = run->fields.find("valuation");
    const bool groups = declared != run->fields.end() && declared->second == "group";
    method = groups ? "group-shapley" : "leave-one-out";
    DURE_ASSIGN(const ledger::CoalitionKind kind, ledger::ParseCoalitionKind(method));
    if (const auto refusal = standing::RefusalOf(*run, kind)) {
      return Fail(ErrorCode::kFailedPrecondition,
                  "refused (" + refusal->code + "): " + refusal->text);
    }
    models = standing::ModelsToMeasure(state, id);
  }
  DURE_ASSIGN(const auto desk, OperatorDesk::Open(options.dir, context.Now()));
  uint64_t measured = 0;
  for (const Digest& model : models) {
    context.Say("model " + std::to_string(++measured) + " of " + std::to_string(models.size()));
    DURE_TRY(
        desk.Evaluate(options.run, model.Hex(), {}, std::chrono::hours(1)).map([](const auto&) {}));
  }
  context.Print(context.json() ? ordered_json{{"run", options.run}, {"models", measured}}.dump()
                               : std::to_string(measured) +
                                     " models are measured. Next: dure "
                                     "share compute " +
                                     options.run + " --method " + method + " --dir DESK");
  return {};
}

Status Recompute(const Options& options, Context& context) {
  DURE_ASSIGN(const auto record, RecordCopy::Open(options.dir, context));
  DURE_ASSIGN(const ledger::OpenedEntry entry, record->Entry(options.entry));
  const auto* said = std::get_if<ledger::ShareComputed>(&entry.record.event);
  if (said == nullptr) {
    return Fail(ErrorCode::kInvalid,
                "entry " + std::to_string(options.entry) + " computes no shares");
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
    context.Print("entry " + std::to_string(options.entry) + ", " + said->run.str() +
                  "\nrecorded\n" + Text(said->shares) + "recomputed from this copy\n" +
                  Text(again) + (finding ? "" : "The same."));
  }
  if (!finding) return {};
  return Fail(ErrorCode::kCorrupt, finding->rule + ": " + finding->text);
}

void AddMethod(CLI::App& verb, Options& options) {
  verb.add_option(
          "--method", options.method,
          "formula: as members voted; leave-one-out or group-shapley: as sites measured, in "
          "a run that declared it")
      ->check(CLI::IsMember({"formula", "leave-one-out", "group-shapley"}));
}

}  // namespace

void AddShareCommands(CLI::App& dure, Context& context) {
  CLI::App& noun =
      AddNoun(dure, "share", "Compute, explain and recompute members' shares of a run");
  auto options = std::make_shared<Options>();
  CLI::App& compute = AddVerb(noun, "compute", "Compute each member's share, with its interval",
                              "dure share compute first --dir desk\n"
                              "dure share compute first --log --dir desk");
  compute.add_option("run", options->run, "The run")->required();
  compute.add_option("--dir", options->dir, "A folder with a copy of the record")->required();
  compute.add_option(
      "--seed", options->seed,
      "Of the draws behind the interval; by default from the run's last closing entry");
  AddMethod(compute, *options);
  compute.add_flag("--log", options->log, "An officer: have the result recorded");
  context.Do(compute, [options, &context] { return Compute(*options, context); });

  CLI::App& measure =
      AddVerb(noun, "measure", "Have sites measure a valued run's models without some members",
              "dure share measure first --dir /srv/dure");
  measure.add_option("run", options->run, "A run that declared --valuation")->required();
  measure.add_option("--dir", options->dir, "The folder of an operator, or of the consortium")
      ->required();
  context.Do(measure, [options, &context] { return Measure(*options, context); });

  CLI::App& explain = AddVerb(noun, "explain", "Show what each part of the formula came to",
                              "dure share explain first --dir desk");
  explain.add_option("run", options->run, "The run")->required();
  explain.add_option("--dir", options->dir, "A folder with a copy of the record")->required();
  AddMethod(explain, *options);
  context.Do(explain, [options, &context] { return Explain(*options, context); });

  CLI::App& again = AddVerb(noun, "recompute", "Compute recorded shares again and compare",
                            "dure share recompute 120 --dir desk");
  again.add_option("entry", options->entry, "The entry that recorded them")->required();
  again.add_option("--dir", options->dir, "A folder with a copy of the record")->required();
  context.Do(again, [options, &context] { return Recompute(*options, context); });
}

}  // namespace dure::cli
