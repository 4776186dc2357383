// What people do with a model that lies in files: export, generate, compare.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "cli/site_copy.h"
#include "federation/digest.h"

namespace dure::cli {

struct ModelFiles {
  std::filesystem::path weights;
  std::filesystem::path config;
  std::filesystem::path tokenizer;
  Digest digest = {};
  uint64_t round = 0;  // closed rounds behind it
};

// The files of a run's model after `round` closed rounds (-1: the last) at this site, read through
// once: errors of SiteCopy::ModelFile.
Result<ModelFiles> FilesOf(const SiteCopy& copy, const RunId& run, int64_t round);

// Writes model.safetensors, config.json, generation_config.json and the tokenizer's files into
// `to`.
Status ExportModel(const ModelFiles& files, const std::filesystem::path& to);

struct Prompt {
  std::string text;
  uint32_t tokens = 64;
  double temperature = 0.8;
  uint32_t top_k = 40;
  uint64_t seed = 1;
};
Result<std::string> GenerateFrom(const ModelFiles& files, const Prompt& prompt);

// One site's measurement of one model, from evaluation.show.
struct Measurement {
  std::string site;
  double nats = 0;
  uint64_t bytes = 0;
  uint64_t tokens = 0;
  std::string error;
  double NatsPerByte() const { return bytes == 0 ? 0 : nats / static_cast<double>(bytes); }
};
// kInvalid: not an answer of evaluation.show.
Result<std::vector<Measurement>> ParseEvaluation(const std::string& json);

inline constexpr size_t kTableRoom = 200;

// Sites down, models across; nats per byte and perplexity per byte, and below the text of all sites
// together, or of how many of them measured. `columns`: a model's name and its answer of
// evaluation.show. `room`: a line's columns; the table narrows to fit them as far as it can.
std::string EvaluationTable(const std::vector<std::pair<std::string, std::string>>& columns,
                            size_t room = kTableRoom, bool korean = false);

}  // namespace dure::cli
