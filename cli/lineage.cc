// Where things came from and went: model lineage, dataset list|show, round show.
#include "policy/lineage/lineage.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/find_model.h"
#include "cli/nouns.h"
#include "cli/record_copy.h"
#include "policy/terms/answer.h"

namespace dure::cli {
namespace {

using nlohmann::ordered_json;
using standing::RoundAttempt;

std::string Short(const Digest& digest) { return digest.Hex().substr(0, 16); }
std::string Text(const RoundAttempt& at) {
  std::string text = at.run.str() + " round " + std::to_string(at.round.value);
  return at.attempt == 0 ? text : text + " (attempt " + std::to_string(at.attempt) + ")";
}
std::string Text(const ledger::DatasetVersion& what) {
  return what.dataset.str() + " v" + std::to_string(what.version);
}
ordered_json Json(const RoundAttempt& at) {
  return {{"run", at.run.str()}, {"round", at.round.value}, {"attempt", at.attempt}};
}

ordered_json Json(const lineage::RoundStory& story) {
  ordered_json contributed = ordered_json::array();
  for (const lineage::Contributed& one : story.contributed) {
    ordered_json datasets = ordered_json::array();
    for (const auto& what : one.datasets) {
      datasets.push_back({{"dataset", what.dataset.str()}, {"version", what.version}});
    }
    contributed.push_back({{"site", one.site.str()},
                           {"member", one.member.str()},
                           {"entry", one.submission},
                           {"masked", one.weight == 0},
                           {"datasets", datasets}});
    if (one.weight == 0) continue;
    contributed.back()["weight"] = one.weight;
    contributed.back()["tokens"] = one.tokens;
    contributed.back()["steps"] = one.steps;
  }
  ordered_json left_out = ordered_json::array();
  for (const ledger::ExcludedSite& one : story.left_out) {
    left_out.push_back({{"site", one.site.str()}, {"reason", one.reason}});
  }
  ordered_json json = Json(story.at);
  json["opened"] = story.opened;
  json["closed"] = story.closed;
  json["base"] = story.base_model.Hex();
  json["model"] = story.model.Hex();
  json["contributed"] = contributed;
  json["left_out"] = left_out;
  return json;
}

std::string Text(const lineage::RoundStory& story) {
  std::string text = Text(story.at) + ": from model " + Short(story.base_model) + " to " +
                     Short(story.model) + ", entries " + std::to_string(story.opened) + " to " +
                     std::to_string(story.closed) + "\n";
  for (const lineage::Contributed& one : story.contributed) {
    const std::string numbers = one.weight == 0 ? "masked"
                                                : "weight " + std::to_string(one.weight) + ", " +
                                                      std::to_string(one.tokens) + " tokens, " +
                                                      std::to_string(one.steps) + " steps";
    text += "  " + one.site.str() + " of " + one.member.str() + ": " + numbers + ", on";
    for (const auto& what : one.datasets) text += " " + Text(what);
    text += " (entry " + std::to_string(one.submission) + ")\n";
  }
  for (const ledger::ExcludedSite& one : story.left_out) {
    text += "  without " + one.site.str() + ": " + one.reason + "\n";
  }
  return text;
}

// What the owners' terms come to for this model, a line a restriction.
std::vector<std::string> Restrictions(const terms::ModelTerms& model_terms) {
  std::vector<std::string> lines;
  for (const auto action : {terms::Action::kExportWeights, terms::Action::kServe}) {
    for (const auto purpose :
         {terms::Purpose::kScientificResearch, terms::Purpose::kCommercialService}) {
      terms::Use use;
      use.action = action;
      use.purpose = purpose;
      use.beneficiary = terms::IsCommercial(purpose) ? terms::Beneficiary::kForProfit
                                                     : terms::Beneficiary::kNonProfit;
      use.country = "KR";
      const terms::Answer answer = terms::Allows(model_terms, use);
      const std::string what =
          std::string(terms::Word(action)) + " for " + std::string(terms::Word(purpose)) + " in KR";
      if (answer.clauses.empty()) lines.push_back(what + ": allowed by every owner");
      for (const terms::Clause& clause : answer.clauses) {
        lines.push_back(what + ": " + std::string(terms::Word(clause.outcome)) + ". " +
                        terms::Sentence(clause, use, terms::Language::kEnglish));
      }
    }
  }
  return lines;
}

Status ShowLineage(const std::string& dir, const std::string& name, Context& context) {
  DURE_ASSIGN(const auto record, RecordCopy::Open(dir, context));
  DURE_ASSIGN(const Digest model, FindModel(record->state(), name));
  DURE_ASSIGN(const lineage::ModelLineage story, lineage::LineageOf(record->state(), model));
  const std::vector<std::string> restrictions = Restrictions(story.terms);
  if (context.json()) {
    ordered_json rounds = ordered_json::array();
    for (const auto& round : story.rounds) rounds.push_back(Json(round));
    ordered_json datasets = ordered_json::array();
    for (const auto& dataset : story.datasets) {
      datasets.push_back({{"dataset", dataset.what.dataset.str()},
                          {"version", dataset.what.version},
                          {"custodian", dataset.custodian.str()},
                          {"entry", dataset.registered},
                          {"rounds", dataset.rounds.size()},
                          {"withdrawn", dataset.withdrawn ? ordered_json(*dataset.withdrawn)
                                                          : ordered_json(nullptr)}});
    }
    ordered_json policies = ordered_json::array();
    for (const Digest& digest : story.policies) policies.push_back(digest.Hex());
    context.PrintJson(ordered_json{
        {"model", model.Hex()},
        {"rounds", rounds},
        {"datasets", datasets},
        {"policies", policies},
        {"licence_proposed", story.licence.licence},
        {"terms", restrictions},
        {"grants",
         story.grants}}.dump());
    return {};
  }
  std::string text = "model " + model.Hex() + "\n\nDatasets behind it\n";
  for (const auto& dataset : story.datasets) {
    text +=
        "  " + Text(dataset.what) + " of " + dataset.custodian.str() + ", in " +
        std::to_string(dataset.rounds.size()) + " rounds (entry " +
        std::to_string(dataset.registered) + ")" +
        (dataset.withdrawn ? ", withdrawn at entry " + std::to_string(*dataset.withdrawn) : "") +
        "\n";
  }
  text += "\nWhat their owners' terms come to\n";
  for (const std::string& line : restrictions) text += "  " + line + "\n";
  text += "  licence proposed for the model: " +
          (story.licence.licence.empty() ? "none satisfies all" : story.licence.licence) + "\n";
  for (const auto& conflict : story.licence.conflicts) {
    text += "    " + terms::Sentence(conflict, terms::Language::kEnglish) + "\n";
  }
  text += "\nRounds, oldest first\n";
  for (const auto& round : story.rounds) text += Text(round);
  context.Print(text);
  return {};
}

Status ShowRound(const std::string& dir, const std::string& run, uint64_t number,
                 Context& context) {
  DURE_ASSIGN(const auto record, RecordCopy::Open(dir, context));
  ordered_json attempts = ordered_json::array();
  std::string text;
  for (const auto& [at, round] : record->state().rounds) {
    if (at.run.str() != run || at.round.value != number) continue;
    std::string admissions;
    ordered_json decided = ordered_json::array();
    for (const standing::Admission& one : round.admissions) {
      decided.push_back({{"entry", one.index},
                         {"site", one.site.str()},
                         {"dataset", one.what.dataset.str()},
                         {"version", one.what.version},
                         {"admit", one.admit}});
      admissions += "  " + std::string(one.admit ? "admitted " : "refused ") + Text(one.what) +
                    " of " + one.site.str() + " (entry " + std::to_string(one.index) +
                    "; dure why " + std::to_string(one.index) + ")\n";
    }
    ordered_json json = Json(at);
    std::string line = Text(at) + ": " + (round.abandoned ? "abandoned" : "open") + "\n";
    if (round.closed) {
      DURE_ASSIGN(const auto story, lineage::LineageOf(record->state(), round.model));
      for (const auto& one : story.rounds) {
        if (one.at == at) json = Json(one);
        if (one.at == at) line = Text(one);
      }
    }
    json["admissions"] = decided;
    attempts.push_back(std::move(json));
    text += line + admissions;
  }
  if (attempts.empty()) {
    return Fail(ErrorCode::kNotFound,
                "the record knows no round " + std::to_string(number) + " of \"" + run + "\"");
  }
  context.Print(context.json() ? ordered_json{{"attempts", attempts}}.dump() : text);
  return {};
}

std::string StatusOf(const standing::Dataset& dataset) {
  if (!dataset.withdrawn) return "registered";
  return "withdrawn at entry " + std::to_string(dataset.withdrawn->index) +
         (dataset.withdrawn->closed ? ", case closed" : ", case open");
}

Status ListDatasets(const std::string& dir, Context& context) {
  DURE_ASSIGN(const auto record, RecordCopy::Open(dir, context));
  ordered_json list = ordered_json::array();
  std::string text;
  for (const auto& [id, dataset] : record->state().datasets) {
    const standing::DatasetEntry& newest = dataset.newest();
    list.push_back({{"dataset", id.str()},
                    {"version", dataset.version()},
                    {"custodian", dataset.custodian.str()},
                    {"site", newest.site.str()},
                    {"use", terms::Word(newest.terms.use)},
                    {"licence", newest.terms.licence.data},
                    {"status", StatusOf(dataset)},
                    {"entry", newest.index},
                    {"rounds", dataset.rounds}});
    text += id.str() + " v" + std::to_string(dataset.version()) + "  " + dataset.custodian.str() +
            " at " + newest.site.str() + "  " + std::string(terms::Word(newest.terms.use)) +
            (newest.terms.licence.data.empty() ? "" : "  " + newest.terms.licence.data) + "  " +
            StatusOf(dataset) + "  " + std::to_string(dataset.rounds) + " rounds\n";
  }
  context.Print(context.json()
                    ? ordered_json{{"datasets", list}}.dump()
                    : (text.empty() ? "No dataset is registered in this record." : text));
  return {};
}

Status ShowDataset(const std::string& dir, const std::string& name, bool with_uses,
                   Context& context) {
  DURE_ASSIGN(const DatasetId id, DatasetId::Parse(name));
  DURE_ASSIGN(const auto record, RecordCopy::Open(dir, context));
  DURE_ASSIGN(const lineage::DatasetUses uses, lineage::UsesOf(record->state(), id));
  const standing::Dataset& dataset = record->state().datasets.at(id);
  ordered_json versions = ordered_json::array();
  std::string text = id.str() + " of " + dataset.custodian.str() + ": " + StatusOf(dataset) + "\n";
  for (const auto& [number, version] : dataset.versions) {
    versions.push_back({{"version", number},
                        {"entry", version.index},
                        {"site", version.site.str()},
                        {"terms", ordered_json::parse(version.terms_text)},
                        {"passport", ordered_json::parse(version.passport)}});
    text += "  version " + std::to_string(number) + " (entry " + std::to_string(version.index) +
            ") at " + version.site.str() + "\n    passport " + version.passport +
            "\n    terms    " + version.terms_text + "\n";
  }
  ordered_json json = {{"dataset", id.str()},
                       {"custodian", dataset.custodian.str()},
                       {"status", StatusOf(dataset)},
                       {"versions", versions}};
  if (with_uses) {
    ordered_json models = ordered_json::array();
    text += "Counted in " + std::to_string(uses.rounds.size()) + " rounds; behind " +
            std::to_string(uses.models.size()) + " models\n";
    for (const lineage::Made& made : uses.models) {
      models.push_back({{"model", made.model.Hex()},
                        {"run", made.at.run.str()},
                        {"round", made.at.round.value},
                        {"entry", made.closed}});
      text += "  " + Short(made.model) + "  " + Text(made.at) + "\n";
    }
    json["rounds"] = uses.rounds.size();
    json["models"] = models;
    json["grants"] = uses.grants;
  }
  context.Print(context.json() ? json.dump() : text);
  return {};
}

}  // namespace

void AddModelLineage(CLI::App& model, Context& context) {
  auto dir = std::make_shared<std::string>();
  auto name = std::make_shared<std::string>();
  CLI::App& verb = AddVerb(model, "lineage", "Show what stands behind a model",
                           "dure model lineage first --dir /srv/site\n"
                           "dure model lineage 4c0ce92c76 --dir /srv/desk --json");
  verb.add_option("model", *name, "Its digest, the first digits of it, or a run for its newest")
      ->required();
  verb.add_option("--dir", *dir, "A folder with a copy of the record")->required();
  context.Do(verb, [dir, name, &context] { return ShowLineage(*dir, *name, context); });
}

void AddRoundCommands(CLI::App& dure, Context& context) {
  CLI::App& noun = AddNoun(dure, "round", "Look at one round of a run in the record");
  auto dir = std::make_shared<std::string>();
  auto run = std::make_shared<std::string>();
  auto number = std::make_shared<uint64_t>();
  CLI::App& verb = AddVerb(noun, "show", "Show who was admitted, contributed and was left out",
                           "dure round show first 3 --dir /srv/desk");
  verb.add_option("run", *run, "The run")->required();
  verb.add_option("number", *number, "The round, from 0")->required();
  verb.add_option("--dir", *dir, "A folder with a copy of the record")->required();
  context.Do(verb, [=, &context] { return ShowRound(*dir, *run, *number, context); });
}

void AddDatasetRecordVerbs(CLI::App& dataset, Context& context) {
  auto dir = std::make_shared<std::string>();
  CLI::App& list = AddVerb(dataset, "list", "List the datasets of the record",
                           "dure dataset list --dir /srv/desk");
  list.add_option("--dir", *dir, "A folder with a copy of the record")->required();
  context.Do(list, [dir, &context] { return ListDatasets(*dir, context); });

  auto name = std::make_shared<std::string>();
  auto uses = std::make_shared<bool>(false);
  CLI::App& show = AddVerb(dataset, "show", "Show a dataset: its versions, terms and uses",
                           "dure dataset show reviews --uses --dir /srv/desk");
  show.add_option("dataset", *name, "The dataset")->required();
  show.add_option("--dir", *dir, "A folder with a copy of the record")->required();
  show.add_flag("--uses", *uses, "Also the rounds, models and grants it is behind");
  context.Do(show, [=, &context] { return ShowDataset(*dir, *name, *uses, context); });
}

}  // namespace dure::cli
