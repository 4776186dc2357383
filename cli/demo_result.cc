// The demonstration's second half: what came of it, and how one can tell.
#include <fmt/format.h>

#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/demo_stage.h"
#include "cli/evaluation_table.h"
#include "cli/grant.h"
#include "cli/model_desk.h"
#include "cli/screen.h"
#include "cli/site_copy.h"
#include "federation/transport/json_fields.h"
#include "policy/ledger/audit.h"

namespace dure::cli {

using nlohmann::json;

namespace {

constexpr std::chrono::minutes kEvaluationPatience{10};
constexpr std::chrono::seconds kCopyPatience{20};  // sites follow the log every few seconds
constexpr std::chrono::milliseconds kCopyPause{100};

json RowsOf(const std::vector<std::pair<std::string, std::string>>& evaluations) {
  json rows = json::array();
  for (const auto& [model, answer] : evaluations) {
    const auto measurements = ParseEvaluation(answer);
    if (!measurements) continue;
    for (const Measurement& measurement : *measurements) {
      rows.push_back({{"model", model},
                      {"site", measurement.site},
                      {"nats_per_byte", measurement.NatsPerByte()},
                      {"perplexity_per_byte", std::exp(measurement.NatsPerByte())},
                      {"bytes", measurement.bytes},
                      {"tokens", measurement.tokens},
                      {"error", measurement.error}});
    }
  }
  return rows;
}

}  // namespace

Result<std::string> DemoStage::ModelOf(const std::string& run, const char* field) const {
  DURE_ASSIGN(const std::string shown, desk_->Ask("run.show", json{{"run", run}}.dump()));
  DURE_ASSIGN(const json object, transport::ParseJsonObject(shown, "the aggregator's answer"));
  if (std::string(field) == "base" && object.contains("base")) {
    return transport::TextField(object["base"], "model");
  }
  return transport::TextField(object, field);
}

Status DemoStage::Compare() {
  Title("Every model on every site's held-out text, measured at the site");
  DURE_ASSIGN(const std::string start, ModelOf("together", "initial_model"));
  DURE_ASSIGN(model_digest_, ModelOf("together", "base"));
  std::vector<std::pair<std::string, std::string>> models = {{"start", start}};
  for (const DemoSite& site : sites_) {
    DURE_ASSIGN(const std::string alone, ModelOf("alone-" + site.site, "base"));
    models.emplace_back(site.site + " alone", alone);
  }
  models.emplace_back("SHARED", model_digest_);
  for (const auto& [name, digest] : models) {
    DURE_ASSIGN(auto evaluated, desk_->Evaluate("together", digest, {}, kEvaluationPatience));
    DURE_TRY(evaluated.Whole());
    evaluations_.emplace_back(name, std::move(evaluated.shown));
  }
  Line(EvaluationTable(evaluations_, static_cast<size_t>(ScreenNow().columns) - 1));
  return {};
}

std::string DemoStage::PromptText() const {
  if (!options_.prompt.empty()) return options_.prompt;
  return options_.data.empty() ? "The " : "";
}

Status DemoStage::Show() {
  const std::filesystem::path home = dir_ / "sites" / sites_.front().site;
  DURE_ASSIGN(const auto copy, SiteCopy::Open(home.string()));
  DURE_ASSIGN(const RunId run, RunId::Parse("together"));
  DURE_ASSIGN(const auto files, FilesOf(copy, run, -1));
  Title("The shared model writes");
  Prompt prompt;
  prompt.text = PromptText();
  prompt.tokens = 60;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    prompt.seed = seed;
    DURE_ASSIGN(const std::string text, GenerateFrom(files, prompt));
    Line("  │ " + json(prompt.text + text).dump(-1, ' ', false, json::error_handler_t::replace));
    generated_ += prompt.text + text + "\n";
  }
  GrantAsk ask;
  ask.model = model_digest_;
  // The terms behind a model may forbid to take it away: that is an answer, and no failure.
  const Status granted = EnsureExport(home.string(), ask, context_);
  if (!granted && granted.error().code != ErrorCode::kPermissionDenied) return granted;
  if (!granted) kept_back_ = granted.error().message;
  if (granted) DURE_TRY(ExportModel(files, dir_ / "model"));
  return CheckLedger();
}

Status DemoStage::AwaitCopy(const std::string& site) const {
  DURE_ASSIGN(const std::string answer, desk_->Ask("aggregator.status", "{}"));
  DURE_ASSIGN(const json said, transport::ParseJsonObject(answer, "the aggregator's answer"));
  const auto until = std::chrono::steady_clock::now() + kCopyPatience;
  while (std::chrono::steady_clock::now() < until) {
    DURE_ASSIGN(const auto copy, SiteCopy::Open((dir_ / "sites" / site).string()));
    if (copy.log().Head().head.size >= transport::CountField(said, "size")) break;
    std::this_thread::sleep_for(kCopyPause);
  }
  return {};
}

Status DemoStage::CheckLedger() {
  const std::string& site = sites_.front().site;
  DURE_TRY(AwaitCopy(site));
  Title("The record, checked from " + site + "'s own copy");
  DURE_ASSIGN(const auto copy, SiteCopy::Open((dir_ / "sites" / site).string()));
  DURE_ASSIGN(const auto report,
              ledger::VerifyAll(copy.log(), copy.log().log_key(), copy.verifier(), 2));
  ledger_size_ = report.head.size;
  ledger_root_ = report.head.root.Hex();
  Line(fmt::format("  {} entries, {} signatures, the whole tree: all verified", report.head.size,
                   report.signatures_checked));
  Line("  tree head   " + report.head.origin + "  size " + std::to_string(report.head.size) +
       "  root " + ledger_root_);
  DURE_ASSIGN(const RunId run, RunId::Parse("together"));
  DURE_ASSIGN(const auto receipt, copy.CheckReceipt(run));
  Line(fmt::format("  receipt     entry {} is in the tree of {} entries: verified ({})",
                   receipt.index, receipt.tree_size, receipt.path));
  DURE_ASSIGN(const auto rounds, copy.Rounds(run));
  DURE_ASSIGN(const auto entries, copy.log().Read(0, report.head.size, size_t{1} << 30));
  for (const Bytes& entry : entries) {
    const auto opened = ledger::ParseEntry(entry);
    const auto* said =
        opened ? std::get_if<ledger::ContributionSubmitted>(&opened->record.event) : nullptr;
    if (said != nullptr && said->at.run == run) tokens_ += said->tokens;
    const auto* closed = opened ? std::get_if<ledger::RoundClosed>(&opened->record.event) : nullptr;
    if (closed != nullptr && closed->at.run == run && closed->sums) tokens_ += closed->sums->tokens;
  }
  Line(fmt::format("  {} rounds closed, {} tokens trained on, model sha256:{}", rounds.size(),
                   tokens_, model_digest_));
  return {};
}

std::string DemoStage::JsonResult() {
  json peaks = json::object();
  std::vector<DemoProcess::Peak> all = aggregator_->Peaks();
  for (const auto& process : site_processes_) {
    for (const auto& peak : process->Peaks()) all.push_back(peak);
  }
  for (const auto& peak : all) peaks[peak.name] = peak.rss_bytes;
  json losses = json::array();
  for (const RoundTimes& round : rounds_) {
    json entry = {{"round", round.round},
                  {"train_seconds", round.train},
                  {"upload_seconds", round.upload},
                  {"merge_seconds", round.merge},
                  {"wait_seconds", round.wait}};
    entry["loss"] = round.loss ? json(*round.loss) : json();
    losses.push_back(std::move(entry));
  }
  json names = json::array();
  for (const DemoSite& site : sites_) names.push_back(site.site);
  return json{{"rounds", options_.rounds},
              {"steps", options_.steps},
              {"sites", names},
              {"tokens", tokens_},
              {"losses", losses},
              {"evaluation", RowsOf(evaluations_)},
              {"generated", generated_},
              {"left_each_site", left_},
              {"ledger", {{"size", ledger_size_}, {"root", ledger_root_}}},
              {"masking", masking_},
              {"quorum", quorum_},
              {"model",
               {{"digest", model_digest_},
                {"path", kept_back_.empty() ? json((dir_ / "model").string()) : json()}}},
              {"seconds", Elapsed()},
              {"peak_rss_bytes", peaks}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

void DemoStage::Finish() {
  const std::string result = JsonResult();
  const std::string home = (dir_ / "sites" / sites_.front().site).string();
  Title("Done in " + FormatSeconds(Elapsed()));
  Line("  the model, for Hugging Face tools:  " +
       (kept_back_.empty() ? (dir_ / "model").string() : "is not taken away: " + kept_back_));
  Line("  every process's log:                " + dir_.string() + "/*.log");
  Line("  Next:");
  Line("    ./run dure model generate " +
       (kept_back_.empty() ? "--model " + (dir_ / "model").string()
                           : "--dir " + home + " --run together") +
       " --prompt \"...\"");
  Line("    ./run dure ledger show --dir " + home);
  Line("    ./run dure ledger verify --dir " + home);
  if (context_.json()) context_.PrintJson(result);
}

}  // namespace dure::cli
