#include "trainer/inputs.h"

#include <chrono>

namespace dure::trainer {

Result<OpenModel> Open(const std::string& model_path, const std::string& config_path,
                       const std::string& tokenizer_path) {
  DURE_ASSIGN(model::LlamaConfig config, model::ReadConfig(config_path));
  DURE_ASSIGN(text::Tokenizer tokenizer, text::Tokenizer::Load(tokenizer_path));
  DURE_ASSIGN(model::SafetensorsFile weights, model::SafetensorsFile::Open(model_path));
  if (weights.layout() != model::LlamaLayout(config)) {
    return Fail(ErrorCode::kInvalid, model_path + " does not have the layout of " + config_path);
  }
  if (config.vocab < tokenizer.vocab_size()) {
    return Fail(ErrorCode::kInvalid, "the model has " + std::to_string(config.vocab) +
                                         " tokens, its tokenizer " +
                                         std::to_string(tokenizer.vocab_size()));
  }
  return OpenModel{config, std::move(tokenizer), std::move(weights)};
}

Result<text::Dataset> Prepare(const Task& task, const seat::DataSpec& data,
                              const text::Tokenizer& tokenizer, const std::string& work_dir) {
  const auto sign = [&task] {
    task.report(seat::ProgressEvent{.id = task.id, .stage = "reading"});
  };
  sign();
  const text::SplitOptions split{data.held_out_fraction, data.held_out_bytes_max};
  const text::Source source{data.path, data.columns, {data.more.begin(), data.more.end()}};
  double told = Seconds();
  return text::PrepareDataset(source, tokenizer, split, work_dir, [&] {
    // However much there is to read, the site sees that it is being read.
    if (Seconds() - told >= kSignSeconds) {
      sign();
      told = Seconds();
    }
    return !task.ShouldStop();
  });
}

double Seconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

}  // namespace dure::trainer
