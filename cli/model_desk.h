// What people do with a model that lies in files: export, generate, compare.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

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

// Before anything is asked for: kAlreadyExists where `to` is a file, or a folder that holds
// something.
Status MayExportTo(const std::filesystem::path& to);
// Writes model.safetensors, config.json, generation_config.json and the tokenizer's files into
// `to`, all or none: they are made beside it, in <to>.writing. Errors of MayExportTo; kExhausted,
// kFailedPrecondition: they cannot be written.
Status ExportModel(const ModelFiles& files, const std::filesystem::path& to);

struct Prompt {
  std::string text;
  uint32_t tokens = 64;
  double temperature = 0.8;
  uint32_t top_k = 40;
  uint64_t seed = 1;
};
Result<std::string> GenerateFrom(const ModelFiles& files, const Prompt& prompt);

}  // namespace dure::cli
