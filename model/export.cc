#include "model/export.h"

#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

#include "model/safetensors.h"

namespace dure::model {
namespace {

Error CannotWrite(const std::filesystem::path& path, const std::error_code& why) {
  const bool is_full = why == std::errc::no_space_on_device || why.value() == EDQUOT;
  return {is_full ? ErrorCode::kExhausted : ErrorCode::kFailedPrecondition,
          "cannot write " + path.string() + ": " + why.message()};
}

Status WriteText(const std::filesystem::path& path, const std::string& text) {
  errno = 0;
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (out) return {};
  const std::error_code why(errno, std::generic_category());
  return Fail(CannotWrite(path, why));
}

}  // namespace

Status ExportHuggingFace(const std::filesystem::path& directory, const LlamaConfig& config,
                         const std::filesystem::path& weights, const ExportOptions& options) {
  DURE_TRY(Validate(config));
  {
    DURE_ASSIGN(const SafetensorsFile file, SafetensorsFile::Open(weights));
    if (file.layout() != LlamaLayout(config)) {
      return Fail(ErrorCode::kInvalid, weights.string() + " does not have this model's layout");
    }
  }
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return Fail(CannotWrite(directory, error));
  DURE_TRY(WriteText(directory / "config.json", ToConfigJson(config)));
  // Made beside and renamed: the target may be the weights themselves or an older link to them.
  const std::filesystem::path target = directory / "model.safetensors";
  const std::filesystem::path temporary = directory / "model.safetensors.writing";
  std::filesystem::remove(temporary, error);
  if (options.may_link) std::filesystem::create_hard_link(weights, temporary, error);
  if (!options.may_link || error) {
    std::filesystem::copy_file(weights, temporary, error);
    // A store's file is for reading only; who takes the model away may do with it what they like.
    const auto others = std::filesystem::status(directory / "config.json").permissions();
    if (!error) std::filesystem::permissions(temporary, others, error);
  }
  // Renaming a link over another link of the same file would leave both names.
  if (!error && std::filesystem::equivalent(temporary, target, error)) {
    std::filesystem::remove(temporary, error);
  } else {
    std::filesystem::rename(temporary, target, error);
  }
  if (error) return Fail(CannotWrite(target, error));
  const nlohmann::ordered_json generation = {{"bos_token_id", config.bos_id},
                                             {"eos_token_id", config.eos_id}};
  return WriteText(directory / "generation_config.json", generation.dump(2) + "\n");
}

}  // namespace dure::model
