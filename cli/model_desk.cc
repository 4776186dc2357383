#include "cli/model_desk.h"

#include <algorithm>

#include "model/config.h"
#include "model/cpu/generate.h"
#include "model/export.h"
#include "model/safetensors.h"
#include "model/text/tokenizer.h"

namespace dure::cli {

namespace {

namespace fs = std::filesystem;

// "model/" names the folder that "model" names; beside it lies "model.writing".
fs::path WithoutEndingSlash(const fs::path& path) {
  const fs::path normal = path.lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

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

Status MayExportTo(const fs::path& to) {
  std::error_code error;
  if (!fs::exists(to, error) && !error) return {};
  if (!error && fs::is_directory(to, error) && fs::is_empty(to, error) && !error) return {};
  if (error) return Fail(ErrorCode::kFailedPrecondition, to.string() + ": " + error.message());
  return Fail(ErrorCode::kAlreadyExists,
              to.string() +
                  " is there already and not an empty folder; nothing is written over: "
                  "choose another --to");
}

Status ExportModel(const ModelFiles& files, const fs::path& given) {
  const fs::path to = WithoutEndingSlash(given);
  DURE_TRY(MayExportTo(to));
  DURE_ASSIGN(const auto config, model::ReadConfig(files.config));
  DURE_ASSIGN(const auto tokenizer, text::Tokenizer::Load(files.tokenizer.string()));
  const fs::path beside = to.string() + ".writing";
  std::error_code error;
  fs::remove_all(beside, error);  // of an export that did not come to its end
  Status made = model::ExportHuggingFace(beside, config, files.weights);
  if (made) made = tokenizer.Save(beside);
  if (made) {
    fs::rename(beside, to, error);  // an empty folder makes room
    if (error) {
      made = Fail(ErrorCode::kFailedPrecondition,
                  "cannot put " + to.string() + " in place: " + error.message());
    }
  }
  if (!made) fs::remove_all(beside, error);
  return made;
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
