#include "cli/model_desk.h"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/columns.h"
#include "federation/transport/json_fields.h"
#include "model/config.h"
#include "model/cpu/generate.h"
#include "model/export.h"
#include "model/safetensors.h"
#include "model/text/tokenizer.h"

namespace dure::cli {

using nlohmann::json;

namespace {

Result<ClosedRound> Pick(const SiteCopy& copy, const RunId& run, int64_t round) {
  DURE_ASSIGN(const auto rounds, copy.Rounds(run));
  if (round < 0) return rounds.back();
  for (const ClosedRound& closed : rounds) {
    if (closed.event.at.round.value + 1 == static_cast<uint64_t>(round)) return closed;
  }
  return Fail(ErrorCode::kNotFound, "round " + std::to_string(round) + " of run \"" + run.str() +
                                        "\" is not closed; the last one is " +
                                        std::to_string(rounds.back().event.at.round.value + 1));
}

std::string Cell(const Measurement& measurement) {
  if (!measurement.error.empty()) return "failed";
  const double nats = measurement.NatsPerByte();
  return fmt::format("{:.3f} ({:.2f})", nats, std::exp(nats));
}

}  // namespace

Result<ModelFiles> FilesOf(const SiteCopy& copy, const RunId& run, int64_t round) {
  DURE_ASSIGN(const ClosedRound closed, Pick(copy, run, round));
  DURE_ASSIGN(auto weights, copy.ModelFile(closed.event.model));
  return ModelFiles{std::move(weights), copy.Config(run), copy.Tokenizer(run)};
}

Result<Digest> ModelDigest(const SiteCopy& copy, const RunId& run, int64_t round) {
  DURE_ASSIGN(const ClosedRound closed, Pick(copy, run, round));
  return closed.event.model;
}

Result<ExportedModel> ExportModel(const SiteCopy& copy, const RunId& run, int64_t round,
                                  const std::filesystem::path& to) {
  DURE_ASSIGN(const ClosedRound closed, Pick(copy, run, round));
  DURE_ASSIGN(const ModelFiles files, FilesOf(copy, run, round));
  DURE_ASSIGN(const auto config, model::ReadConfig(files.config));
  DURE_TRY(model::ExportHuggingFace(to, config, files.weights));
  DURE_ASSIGN(const auto tokenizer, text::Tokenizer::Load(files.tokenizer.string()));
  DURE_TRY(tokenizer.Save(to));
  return ExportedModel{closed.event.model, closed.event.at.round.value + 1};
}

Result<std::string> GenerateFrom(const ModelFiles& files, const Prompt& prompt) {
  DURE_ASSIGN(const auto config, model::ReadConfig(files.config));
  DURE_ASSIGN(const auto weights, model::SafetensorsFile::Open(files.weights));
  DURE_ASSIGN(const auto tokenizer, text::Tokenizer::Load(files.tokenizer.string()));
  if (tokenizer.vocab_size() != config.vocab) {
    return Fail(ErrorCode::kInvalid, "the tokenizer has " + std::to_string(tokenizer.vocab_size()) +
                                         " tokens and the model " + std::to_string(config.vocab));
  }
  DURE_ASSIGN(const auto generator, model::cpu::Generator::Create(config, weights.flat()));
  std::vector<uint32_t> tokens = {tokenizer.bos()};
  const std::vector<uint32_t> typed = tokenizer.Encode(prompt.text);
  tokens.insert(tokens.end(), typed.begin(), typed.end());
  if (tokens.size() >= config.context) {
    return Fail(ErrorCode::kInvalid, "the prompt is " + std::to_string(tokens.size()) +
                                         " tokens long and the model's "
                                         "context " +
                                         std::to_string(config.context));
  }
  model::cpu::GenerateOptions options;
  options.tokens_max = prompt.tokens;
  options.temperature = prompt.temperature;
  options.top_k = prompt.top_k;
  options.seed = prompt.seed;
  DURE_ASSIGN(const auto made, generator->Generate(tokens, options));
  return tokenizer.Decode(made);
}

Result<std::vector<Measurement>> ParseEvaluation(const std::string& text) {
  DURE_ASSIGN(const json object, transport::ParseJsonObject(text, "the aggregator's answer"));
  if (!object.contains("results")) {
    return Fail(ErrorCode::kInvalid, "the aggregator's answer is no evaluation");
  }
  std::vector<Measurement> measurements;
  for (const json& result : transport::ListField(object, "results")) {
    Measurement measurement;
    measurement.site = transport::TextField(result, "site");
    measurement.error = transport::TextField(result, "error");
    measurement.nats = transport::NumberField(result, "nats");
    measurement.bytes = transport::CountField(result, "bytes");
    measurement.tokens = transport::CountField(result, "tokens");
    measurements.push_back(std::move(measurement));
  }
  return measurements;
}

std::string EvaluationTable(const std::vector<std::pair<std::string, std::string>>& columns) {
  constexpr size_t kWidth = 16;
  std::map<std::string, std::vector<std::string>> rows;
  std::vector<Measurement> totals(columns.size());
  for (size_t column = 0; column < columns.size(); ++column) {
    const auto measurements = ParseEvaluation(columns[column].second);
    if (!measurements) continue;
    for (const Measurement& measurement : *measurements) {
      auto& row = rows[measurement.site];
      row.resize(columns.size(), "–");
      row[column] = Cell(measurement);
      totals[column].nats += measurement.nats;
      totals[column].bytes += measurement.bytes;
    }
  }
  // Two spaces between columns, whatever a name is cut to.
  const auto cell = [](const std::string& text) { return "  " + RightAligned(text, kWidth); };
  std::string table = "  " + LeftAligned("held-out text of", kWidth);
  for (const auto& [name, answer] : columns) table += cell(name);
  for (const auto& [site, cells] : rows) {
    table += "\n  " + LeftAligned(site, kWidth);
    for (const std::string& text : cells) table += cell(text);
  }
  table += "\n  " + LeftAligned("all sites", kWidth);
  for (const Measurement& total : totals) table += cell(Cell(total));
  return table + "\n  nats per byte (perplexity per byte); smaller is better";
}

}  // namespace dure::cli
