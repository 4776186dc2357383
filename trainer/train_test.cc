// What a rank of a gang does until the first step.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "model/config.h"
#include "model/cuda/emulated/contract.h"
#include "model/initialize.h"
#include "model/safetensors.h"
#include "model/text/tokenizer.h"
#include "trainer/tasks.h"

namespace dure::trainer {
namespace {

namespace fs = std::filesystem;

// Of this process, in memory that no file stands behind.
uint64_t OwnBytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t size = 0;
  uint64_t resident = 0;
  uint64_t shared = 0;
  file >> size >> resident >> shared;
  return (resident - shared) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

// Rank 0 of two, whose other rank agrees to everything until the training begins; notes what this
// process holds whenever they agree.
class AgreesTwice final : public model::collective::Collective {
 public:
  AgreesTwice() : Collective(0, 2) {}
  std::vector<uint64_t> held;

 private:
  Status Exchange(const Step& step) override {
    if (step.kind == Kind::kBroadcast) return Fail(ErrorCode::kUnavailable, "that was it");
    for (const auto& in : step.in) std::ranges::fill(in, uint8_t{0});
    if (step.kind == Kind::kSizes) held.push_back(OwnBytes());
    return {};
  }
};

seat::TrainTask SmallTask(const fs::path& folder, uint32_t dim = 512) {
  fs::create_directories(folder / "data");
  std::ofstream text(folder / "data" / "text.txt");
  for (int i = 0; i < 400; ++i) text << "line " << i << " of a text that is long enough\n\n";
  text.close();
  model::LlamaConfig config;
  config.vocab = text::kVocabularyMin;
  config.dim = dim;
  config.layers = 2;
  config.heads = config.kv_heads = 8;
  config.ffn_dim = 2 * dim;
  config.context = 32;
  config.bos_id = 0;
  config.eos_id = 1;
  std::ofstream(folder / "config.json") << model::ToConfigJson(config);
  const model::Layout layout = model::LlamaLayout(config);
  std::vector<float> parameters(layout.parameter_count());
  model::Initialize(config, 1, parameters);
  EXPECT_TRUE(model::WriteSafetensors(folder / "base.safetensors", layout, parameters));
  seat::TrainTask task;
  task.model_path = folder / "base.safetensors";
  task.config_path = folder / "config.json";
  task.tokenizer_path = "bytes";
  task.data.path = folder / "data";
  task.work_dir = folder;
  task.state_out = folder / "state";
  task.output_path = folder / "out.safetensors";
  task.steps = task.batch = 2;
  task.sequence = 16;
  return task;
}

// Else the first that has taken its memory leaves less free than the others' check counts on.
TEST(TrainTogether, NoRankTakesMemoryBeforeAllHaveFoundEnough) {
  const fs::path folder = fs::path(testing::TempDir()) / "dure_train_together";
  const seat::TrainTask request = SmallTask(folder);
  AgreesTwice gang;
  Engine engine;
  const std::atomic<Stop> never = Stop::kNo;
  const uint64_t before = OwnBytes();
  const auto trained =
      TrainTogether({1, never, [](const seat::Event&) {}, gang, engine, 2}, request);
  ASSERT_FALSE(trained);
  EXPECT_THAT(trained.error().message, testing::HasSubstr("that was it"));
  ASSERT_EQ(gang.held.size(), 2u);
  const uint64_t weights = fs::file_size(request.model_path);
  EXPECT_LT(gang.held[0], before + weights);
  EXPECT_GT(gang.held[1], gang.held[0] + weights / 2);
  fs::remove_all(folder);
}

TEST(TrainTogether, SaysHowLongAcceleratorsWereBusyAndNothingOnAProcessor) {
  const fs::path folder = fs::path(testing::TempDir()) / "dure_train_accelerated";
  const auto alone = model::collective::MakeSingle();
  EngineOptions on_gpu;
  on_gpu.table = &model::cuda::EmulatedTable();
  on_gpu.cuda.numbers = model::cuda::NumberType::kFloat;
  const auto gpu = Engine::Choose(on_gpu, *alone, 0, 1);
  ASSERT_TRUE(gpu) << gpu.error().message;
  Engine plain;
  const std::atomic<Stop> never = Stop::kNo;
  for (Engine* engine : {gpu->get(), &plain}) {
    const seat::TrainTask request = SmallTask(folder, 64);
    const auto trained =
        TrainTogether({1, never, [](const seat::Event&) {}, *alone, *engine}, request);
    ASSERT_TRUE(trained) << trained.error().message;
    const auto& done = std::get<seat::DoneEvent>(*trained);
    EXPECT_EQ(done.steps, 2u);
    EXPECT_EQ(done.accelerator_seconds > 0, engine->uses_gpu());
    EXPECT_LT(done.accelerator_seconds, done.seconds);
    fs::remove_all(folder);
  }
}

}  // namespace
}  // namespace dure::trainer
