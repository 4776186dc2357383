#include "cli/model_desk.h"

#include <algorithm>

#include "model/config.h"
#include "model/cpu/generate.h"
#include "model/export.h"
#include "model/safetensors.h"
#include "model/text/tokenizer.h"

namespace dure::cli {

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

}  // namespace dure::cli
