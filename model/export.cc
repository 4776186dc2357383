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
  const std::filesystem::path target = directory / "model.safetensors";
  if (!std::filesystem::equivalent(weights, target, error)) {
    std::filesystem::remove(target, error);
    error.clear();
    if (options.may_link) std::filesystem::create_hard_link(weights, target, error);
    if (!options.may_link || error) {
      error.clear();
      std::filesystem::copy_file(weights, target, error);
    }
    if (error) return Fail(ErrorCode::kInternal, "cannot copy to " + target.string());
  }
  DURE_TRY(WriteText(directory / "config.json", ToConfigJson(config)));
  const nlohmann::ordered_json generation = {{"bos_token_id", config.bos_id},
                                             {"eos_token_id", config.eos_id}};
  return WriteText(directory / "generation_config.json", generation.dump(2) + "\n");
}

}  // namespace dure::model
