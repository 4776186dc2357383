// For tests: a small model, some text, and tasks about them for a real trainer.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "model/config.h"
#include "model/initialize.h"
#include "model/safetensors.h"
#include "model/text/tokenizer.h"
#include "site/launcher/watched_trainer.h"

namespace dure::launcher {

namespace fs = std::filesystem;

class Training : public testing::Test {
 protected:
  Training()
      : folder_(fs::path(testing::TempDir()) /
                (std::string("dure_training_") +
                 testing::UnitTest::GetInstance()->current_test_info()->name())) {
    fs::remove_all(folder_);
    for (const char* name : {"data", "model", "work", "keys"})
      fs::create_directories(folder_ / name);
    std::ofstream text(folder_ / "data" / "reviews.tsv");
    text << "rating\ttext\n";
    for (int i = 0; i < 400; ++i) {
      text << i % 10 << "\t이 영화는 " << i % 7 << "번 봐도 정말 재미있는 영화입니다 " << i << "\n";
    }
    text.close();
    config_.vocab = text::kVocabularyMin;
    config_.dim = 32;
    config_.layers = 1;
    config_.heads = config_.kv_heads = 2;
    config_.ffn_dim = 64;
    config_.context = 64;
    config_.bos_id = 0;
    config_.eos_id = 1;
    std::ofstream(folder_ / "model" / "config.json") << model::ToConfigJson(config_);
    const model::Layout layout = model::LlamaLayout(config_);
    std::vector<float> parameters(layout.parameter_count());
    model::Initialize(config_, 1, parameters);
    EXPECT_TRUE(
        model::WriteSafetensors(folder_ / "model" / "base.safetensors", layout, parameters));
    spec_.read_paths = {folder_ / "data", folder_ / "model"};
    spec_.write_paths = {folder_ / "work"};
  }
  ~Training() override { fs::remove_all(folder_); }

  seat::DataSpec Data() const {
    seat::DataSpec data;
    data.path = folder_ / "data";
    return data;
  }
  seat::TrainTask Train(const std::string& name, uint64_t steps) const {
    seat::TrainTask task;
    task.model_path = folder_ / "model" / "base.safetensors";
    task.config_path = folder_ / "model" / "config.json";
    task.tokenizer_path = "bytes";
    task.data = Data();
    task.work_dir = folder_ / "work";
    task.state_out = folder_ / "work" / (name + ".state");
    task.output_path = folder_ / "work" / (name + ".safetensors");
    task.steps = steps;
    task.batch = 4;
    task.sequence = 32;
    task.learning_rate = 1e-2;
    task.seed = 5;
    return task;
  }
  seat::EvaluateTask Evaluate(const std::string& model_path) const {
    seat::EvaluateTask task;
    task.model_path = model_path;
    task.config_path = folder_ / "model" / "config.json";
    task.tokenizer_path = "bytes";
    task.data = Data();
    task.work_dir = folder_ / "work";
    task.sequence = 32;
    return task;
  }
  static std::string Read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  fs::path folder_;
  model::LlamaConfig config_;
  TrainerSpec spec_;
  uint64_t id_ = 0;
};

}  // namespace dure::launcher
