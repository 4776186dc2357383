// What tasks open: a model with its tokenizer, and a prepared dataset.
#pragma once

#include "federation/result.h"
#include "model/config.h"
#include "model/safetensors.h"
#include "model/text/dataset.h"
#include "trainer/tasks.h"

namespace dure::trainer {

struct OpenModel {
  model::LlamaConfig config;
  text::Tokenizer tokenizer;
  model::SafetensorsFile weights;
};

// kInvalid: the layout is not the configuration's, or the vocabulary is smaller than the
// tokenizer's.
Result<OpenModel> Open(const std::string& model_path, const std::string& config_path,
                       const std::string& tokenizer_path);

// kCancelled: the task was asked to stop.
Result<text::Dataset> Prepare(const Task& task, const seat::DataSpec& data,
                              const text::Tokenizer& tokenizer, const std::string& work_dir);

// Where no steps show that work goes on, progress does, so often.
inline constexpr double kSignSeconds = 1;

// Seconds since an arbitrary start.
double Seconds();

}  // namespace dure::trainer
