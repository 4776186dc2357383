// dure withdraw: end a dataset's use. See first what that touches, then file it, then close the
// case with the entries that show it done.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/nouns.h"
#include "cli/record_copy.h"
#include "cli/spans.h"
#include "policy/lineage/lineage.h"

namespace dure::cli {
namespace {

using nlohmann::ordered_json;

constexpr auto kOfficers = identity::Roles{identity::Role::kOfficer};

struct Options {
  std::string dir;
  std::string dataset;
  std::string ground = "owner";
  std::string scope = "future-rounds";
  std::string within = "30d";
  uint64_t entry = 0;
  std::vector<uint64_t> evidence;
};

std::string Short(const Digest& digest) { return digest.Hex().substr(0, 16); }

std::string Describe(const lineage::WithdrawalOption& option) {
  using ledger::WithdrawalScope;
  switch (option.scope) {
    case WithdrawalScope::kFutureRounds:
      return "no later round uses it; the models that are there stay as they are";
    case WithdrawalScope::kRestart:
      return "go back to the last models without it and train " +
             std::to_string(option.rounds_again) + " rounds again (" +
             std::to_string(option.tokens_again) + " tokens of others); " +
             std::to_string(option.models_retired) + " models and " +
             std::to_string(option.grants_ended) + " grants end";
    case WithdrawalScope::kRetrain:
      return "begin the runs it reached again without it: " + std::to_string(option.rounds_again) +
             " rounds (" + std::to_string(option.tokens_again) + " tokens of others)";
    case WithdrawalScope::kRetireModels:
      return std::to_string(option.models_retired) + " models are used no more; " +
             std::to_string(option.grants_ended) + " grants end";
  }
  return "";
}

Status Plan(const Options& options, Context& context) {
  DURE_ASSIGN(const DatasetId id, DatasetId::Parse(options.dataset));
  DURE_ASSIGN(const auto record, RecordCopy::Open(options.dir, context));
  DURE_ASSIGN(const lineage::WithdrawalPlan plan, lineage::PlanWithdrawal(record->state(), id));
  ordered_json choices = ordered_json::array();
  std::string text = id.str() + " of " + plan.uses.custodian.str() + " was counted in " +
                     std::to_string(plan.uses.rounds.size()) + " rounds and is behind " +
                     std::to_string(plan.uses.models.size()) + " models and " +
                     std::to_string(plan.uses.grants.size()) + " grants.\n";
  ordered_json clean = ordered_json::object();
  for (const auto& [run, model] : plan.uses.clean) {
    clean[run.str()] = model.IsZero() ? ordered_json(nullptr) : ordered_json(model.Hex());
    text += "  last model of " + run.str() + " without it: " +
            (model.IsZero() ? "none, it was there from the first round" : Short(model)) + "\n";
  }
  for (const RunId& run : plan.running) text += "  " + run.str() + " could still ask for it\n";
  text += "\nWhat can be asked for (--scope)\n";
  for (const lineage::WithdrawalOption& option : plan.options) {
    choices.push_back({{"scope", Name(option.scope)},
                       {"rounds_again", option.rounds_again},
                       {"tokens_again", option.tokens_again},
                       {"models_retired", option.models_retired},
                       {"grants_ended", option.grants_ended}});
    text += "  " + std::string(Name(option.scope)) + ": " + Describe(option) + "\n";
  }
  if (context.json()) {
    context.PrintJson(ordered_json{
        {"dataset", id.str()},
        {"rounds", plan.uses.rounds.size()},
        {"models", plan.uses.models.size()},
        {"grants", plan.uses.grants},
        {"last_clean", clean},
        {"options",
         choices}}.dump());
    return {};
  }
  context.Print(text);
  context.Say("File it with: dure withdraw file " + id.str() + " --scope SCOPE --dir FOLDER");
  return {};
}

Status FileIt(const Options& options, Context& context) {
  ledger::DatasetWithdrawn event;
  DURE_ASSIGN(event.dataset, DatasetId::Parse(options.dataset));
  DURE_ASSIGN(event.scope, ledger::ParseWithdrawalScope(options.scope));
  DURE_ASSIGN(const std::chrono::seconds within, ParseSpan(options.within));
  event.ground = options.ground;
  event.deadline = FormatRfc3339(context.Now() + within);
  DURE_ASSIGN(Desk desk, OpenDesk(options.dir, kOfficers, context));
  DURE_TRY(Record(desk, event, "Withdrew " + options.dataset, context));
  context.Say(
      "No later round uses it. A round under way leaves out what was trained on it; one "
      "that was being\nclosed had closed before this entry. Close the case with: dure "
      "withdraw close ENTRY --evidence N…");
  return {};
}

Status CloseIt(const Options& options, Context& context) {
  DURE_ASSIGN(Desk desk, OpenDesk(options.dir, kOfficers, context));
  std::vector<uint64_t> evidence = options.evidence;
  std::ranges::sort(evidence);
  const ledger::WithdrawalClosed event{options.entry, evidence};
  return Record(desk, event, "Closed the case of entry " + std::to_string(options.entry), context);
}

}  // namespace

void AddWithdrawCommands(CLI::App& dure, Context& context) {
  CLI::App& noun = AddNoun(dure, "withdraw", "End a dataset's use: plan, file, close");
  auto options = std::make_shared<Options>();
  CLI::App& plan = AddVerb(noun, "plan", "Show what the withdrawal of a dataset touches",
                           "dure withdraw plan reviews --dir /srv/desk");
  plan.add_option("dataset", options->dataset, "The dataset")->required();
  plan.add_option("--dir", options->dir, "A folder with a copy of the record")->required();
  context.Do(plan, [options, &context] { return Plan(*options, context); });

  CLI::App& file = AddVerb(noun, "file", "Withdraw a dataset of your own institution",
                           "dure withdraw file reviews --ground consent --dir /srv/desk\n"
                           "dure withdraw file reviews --scope retire-models --within 14d --dir .");
  file.add_option("dataset", options->dataset, "The dataset")->required();
  file.add_option("--ground", options->ground, "consent, contract-end, court, quality or owner")
      ->check(CLI::IsMember({"consent", "contract-end", "court", "quality", "owner"}))
      ->capture_default_str();
  file.add_option("--scope", options->scope, "future-rounds, restart, retrain or retire-models")
      ->capture_default_str();
  file.add_option("--within", options->within, "By when it is to be done")->capture_default_str();
  file.add_option("--dir", options->dir, "The officer's folder")->required();
  context.Do(file, [options, &context] { return FileIt(*options, context); });

  CLI::App& close = AddVerb(noun, "close", "Close a withdrawal with entries that show it done",
                            "dure withdraw close 88 --evidence 93 97 --dir /srv/desk");
  close.add_option("entry", options->entry, "The dataset-withdrawn entry")->required();
  close
      .add_option("--evidence", options->evidence,
                  "Entries after it: closed rounds, halted runs, revoked grants")
      ->required();
  close.add_option("--dir", options->dir, "The officer's folder")->required();
  context.Do(close, [options, &context] { return CloseIt(*options, context); });
}

}  // namespace dure::cli
