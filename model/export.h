// A model as a folder that usual tools load: model.safetensors, config.json,
// generation_config.json. Tokenizer files are added beside them by model/text.
#pragma once

#include <filesystem>

#include "federation/result.h"
#include "model/config.h"

namespace dure::model {

struct ExportOptions {
  bool may_link = false;  // the caller promises never to write the weights file again
};

// Makes `directory` if needed. With may_link the weights are a hard link where the file system
// allows one; otherwise a copy. Existing files of these three names are replaced. kInvalid:
// `weights` is no safetensors file with the layout of `config`.
Status ExportHuggingFace(const std::filesystem::path& directory, const LlamaConfig& config,
                         const std::filesystem::path& weights, const ExportOptions& options = {});

}  // namespace dure::model
