// The demonstration's officer: what one sees who reviews the record and is no programmer.
#include <fmt/format.h>

#include <sstream>

#include "cli/demo_stage.h"
#include "cli/grant.h"
#include "cli/record_copy.h"
#include "policy/lineage/lineage.h"
#include "policy/rules/explain.h"

namespace dure::cli {
namespace {

std::string Indented(const std::string& text) {
  std::string indented;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) indented += "  " + line + "\n";
  if (!indented.empty()) indented.pop_back();
  return indented;
}

}  // namespace

Status DemoStage::Officers() {
  Title("An officer's minute: whose data, under which terms, and who may use the model");
  std::string desk;
  for (const DemoSite& site : sites_) {
    if (site.terms != "research-only") continue;
    DURE_ASSIGN(desk, Enrol(site.site, site.site + "-desk", "officer"));
    DURE_TRY(DemoProcess::Run({"grant", "consent", site.site, "--kind", "export", "--purpose",
                               "scientific-research", "--standing", "--dir", desk, "--json"})
                 .map([](const auto&) {}));
    Line("  " + site.site +
         " lends for research only and wants to be asked; its officer agrees "
         "that the model is taken away for research");
  }
  const std::string home = (dir_ / "sites" / sites_.front().site).string();
  DURE_ASSIGN(const auto asking, OperatorDesk::Open(home, context_.Now()));
  GrantAsk ask;
  ask.kind = "serve";
  ask.model = model_digest_;
  ask.purpose = "commercial-service";
  DURE_ASSIGN(const GrantAnswer answer, AskGrant(asking, ask));
  Line(fmt::format("  {} asks to sell answers of the model: {} (entry {})\n", sites_.front().site,
                   answer.granted ? "granted" : "refused", answer.entry));
  for (const auto language : {rules::Language::kEnglish, rules::Language::kKorean}) {
    Line(Indented(rules::ExplainDecision(answer.decision, rules::ConsortiumSchema(), language)));
    Line("");
  }
  DURE_ASSIGN(const auto record,
              RecordCopy::Open(desk.empty() ? (dir_ / "consortium").string() : desk, context_));
  DURE_ASSIGN(const Digest model, Digest::FromHex(model_digest_));
  DURE_ASSIGN(const lineage::ModelLineage story, lineage::LineageOf(record->state(), model));
  Line(fmt::format("  behind the model stand {} rounds and", story.rounds.size()));
  for (const lineage::DatasetStory& dataset : story.datasets) {
    Line(fmt::format("    {} version {} of {}, in {} rounds; terms in entry {}",
                     dataset.what.dataset.str(), dataset.what.version, dataset.custodian.str(),
                     dataset.rounds.size(), dataset.registered));
  }
  const auto& dissent = record->auditor().dissent();
  Line(dissent ? "  replayed: entry " + std::to_string(dissent->index) +
                     " does not hold: " + dissent->text
               : fmt::format("  replayed: all {} entries hold, every decision comes out the same",
                             record->auditor().standing().size()));
  return {};
}

}  // namespace dure::cli
