#include "cli/model_desk.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

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

Result<ClosedRound> PickRound(const SiteCopy& copy, const RunId& run, int64_t round) {
  DURE_ASSIGN(const auto rounds, copy.Rounds(run));
  if (round < 0) return rounds.back();
  for (const ClosedRound& closed : rounds) {
    if (closed.event.at.round.value + 1 == static_cast<uint64_t>(round)) return closed;
  }
  return Fail(ErrorCode::kNotFound, "round " + std::to_string(round) + " of run \"" + run.str() +
                                        "\" is not closed; the last one is " +
                                        std::to_string(rounds.back().event.at.round.value + 1));
}

// How wide an evaluation table's columns are: the models' cells shrink where room is short, and
// where it still is not enough they lose the perplexity.
struct TableShape {
  size_t first = 16;
  size_t cell = 16;
  size_t gap = 2;
  int perplexity_digits = 2;  // behind the point; below 0: it is not shown
  bool korean = false;
};

TableShape ShapeFor(size_t models, size_t room) {
  const auto width = [models](size_t first, const TableShape& shape) {
    return 2 + first + models * (shape.gap + shape.cell);
  };
  constexpr size_t kFirstLeast = 8;
  TableShape shape;
  if (width(shape.first, shape) <= room) return shape;
  for (const TableShape& narrower : {TableShape{16, 13, 1, 2}, TableShape{16, 12, 1, 1}}) {
    shape = narrower;
    const size_t least = width(kFirstLeast, shape);
    if (least > room) continue;
    shape.first = std::min(shape.first, kFirstLeast + room - least);
    return shape;
  }
  return {kFirstLeast, 6, 1, -1};
}

std::string Cell(const Measurement& measurement, const TableShape& shape) {
  if (!measurement.error.empty()) return shape.korean ? "실패" : "failed";
  const double nats = measurement.NatsPerByte();
  if (shape.perplexity_digits < 0) return fmt::format("{:.3f}", nats);
  const double perplexity = std::exp(nats);
  const int digits = perplexity < 10 ? 2 : shape.perplexity_digits;
  return fmt::format("{:.3f} ({:.{}f})", nats, perplexity, digits);
}

// Which sites a table is about, and who measured which of its models.
struct Measured {
  std::set<std::string> asked;
  std::vector<size_t> sites;  // by column
};

// Whose text the last row adds up: a site that failed, or has not answered, is not among them.
std::string WhoseText(const Measured& measured, bool korean) {
  const size_t all = measured.asked.size();
  const auto [fewest, most] = std::ranges::minmax(measured.sites);
  if (fewest == all) return korean ? "모든 사이트" : "all sites";
  if (fewest != most) return korean ? "평가한 곳만" : "who measured";
  const std::string some = std::to_string(most);
  const std::string of = std::to_string(all);
  return korean ? of + "곳 중 " + some + "곳" : some + " of " + of + " sites";
}

void AddPending(const std::string& answer, std::set<std::string>& asked) {
  const auto object = transport::ParseJsonObject(answer, "the aggregator's answer");
  if (!object) return;
  for (const json& site : transport::ListField(*object, "pending")) {
    if (site.is_string()) asked.insert(site.get<std::string>());
  }
}

}  // namespace

Result<ModelFiles> FilesOf(const SiteCopy& copy, const RunId& run, int64_t round) {
  DURE_ASSIGN(const ClosedRound closed, PickRound(copy, run, round));
  DURE_ASSIGN(auto weights, copy.ModelFile(closed.event.model));
  return ModelFiles{std::move(weights), copy.Config(run), copy.Tokenizer(run), closed.event.model,
                    closed.event.at.round.value + 1};
}

Status ExportModel(const ModelFiles& files, const std::filesystem::path& to) {
  DURE_ASSIGN(const auto config, model::ReadConfig(files.config));
  DURE_TRY(model::ExportHuggingFace(to, config, files.weights));
  DURE_ASSIGN(const auto tokenizer, text::Tokenizer::Load(files.tokenizer.string()));
  return tokenizer.Save(to);
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

std::string EvaluationTable(const std::vector<std::pair<std::string, std::string>>& columns,
                            size_t room, bool korean) {
  TableShape shape = ShapeFor(columns.size(), room);
  shape.korean = korean;
  Measured measured{{}, std::vector<size_t>(columns.size())};
  std::map<std::string, std::vector<std::string>> rows;
  std::vector<Measurement> totals(columns.size());
  for (size_t column = 0; column < columns.size(); ++column) {
    AddPending(columns[column].second, measured.asked);
    const auto measurements = ParseEvaluation(columns[column].second);
    if (!measurements) continue;
    for (const Measurement& measurement : *measurements) {
      auto& row = rows[measurement.site];
      row.resize(columns.size(), "–");
      row[column] = Cell(measurement, shape);
      measured.asked.insert(measurement.site);
      measured.sites[column] += measurement.error.empty() ? 1 : 0;
      totals[column].nats += measurement.nats;
      totals[column].bytes += measurement.bytes;
    }
  }
  const auto cell = [&shape](const std::string& text) {
    return std::string(shape.gap, ' ') + RightAligned(text, shape.cell);
  };
  std::string table =
      "  " + LeftAligned(korean ? "평가용 글의 주인" : "held-out text of", shape.first);
  for (const auto& [name, answer] : columns) table += cell(name);
  for (const auto& [site, cells] : rows) {
    table += "\n  " + LeftAligned(site, shape.first);
    for (const std::string& text : cells) table += cell(text);
  }
  if (!columns.empty()) table += "\n  " + LeftAligned(WhoseText(measured, korean), shape.first);
  for (const Measurement& total : totals) table += cell(Cell(total, shape));
  const bool both = shape.perplexity_digits >= 0;
  if (korean) {
    return table + "\n  바이트당 손실(내트)" + (both ? ", 괄호 안은 바이트당 퍼플렉시티" : "") +
           ". 작을수록 좋음";
  }
  return table + "\n  nats per byte" + (both ? " (perplexity per byte)" : "") +
         "; smaller is better";
}

}  // namespace dure::cli
