#include "model/export.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "model/safetensors.h"

namespace dure::model {
namespace {

Status WriteText(const std::filesystem::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) return Fail(ErrorCode::kInternal, "cannot write " + path.string());
  return {};
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
  if (error) return Fail(ErrorCode::kInternal, "cannot make " + directory.string());
  // Made beside and renamed: the target may be the weights themselves or an older link to them.
  const std::filesystem::path target = directory / "model.safetensors";
  const std::filesystem::path temporary = directory / "model.safetensors.writing";
  std::filesystem::remove(temporary, error);
  if (options.may_link) std::filesystem::create_hard_link(weights, temporary, error);
  if (!options.may_link || error) std::filesystem::copy_file(weights, temporary, error);
  // Renaming a link over another link of the same file would leave both names.
  if (!error && std::filesystem::equivalent(temporary, target, error)) {
    std::filesystem::remove(temporary, error);
  } else {
    std::filesystem::rename(temporary, target, error);
  }
  if (error) return Fail(ErrorCode::kInternal, "cannot copy to " + target.string());
  DURE_TRY(WriteText(directory / "config.json", ToConfigJson(config)));
  const nlohmann::ordered_json generation = {{"bos_token_id", config.bos_id},
                                             {"eos_token_id", config.eos_id}};
  return WriteText(directory / "generation_config.json", generation.dump(2) + "\n");
}

}  // namespace dure::model
