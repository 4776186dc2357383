#include "trainer/engine.h"

#include <thread>

#include "model/cuda/emulated/session_fixture.h"
#include "model/cuda/plugin.h"

namespace dure::trainer {
namespace {

namespace cuda = model::cuda;
namespace cpu = model::cpu;
using model::collective::MakeSingle;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using Wanted = EngineOptions::Wanted;

EngineOptions OnEmulatedGpu() {
  EngineOptions options;
  options.table = &cuda::EmulatedTable();
  options.cuda.numbers = cuda::NumberType::kFloat;
  return options;
}

std::unique_ptr<Engine> Chosen(const EngineOptions& options) {
  const auto alone = MakeSingle();
  auto engine = Engine::Choose(options, *alone, 0, 1);
  EXPECT_TRUE(engine) << engine.error().message;
  return std::move(*engine);
}

TEST(EngineTest, AutoTakesAGpuAndTrainsAsTheCpuDoes) {
  const auto alone = MakeSingle();
  const model::LlamaConfig config = cuda::SmallModel(true);
  const auto gpu = Chosen(OnEmulatedGpu());
  EXPECT_THAT(gpu->text(), AllOf(StartsWith("cuda ("), HasSubstr("GiB")));
  Engine plain;
  std::vector<std::vector<float>> results;
  for (Engine* engine : {gpu.get(), &plain}) {
    const auto session = engine->Train(config, cuda::SmallOptions(), *alone);
    ASSERT_TRUE(session) << session.error().message;
    EXPECT_EQ((*session)->OnCpu() == nullptr, engine->uses_gpu());
    ASSERT_TRUE((*session)->LoadParameters(cuda::FirstWeights(config)));
    const cuda::Tokens tokens = cuda::Counting(1, 10);
    ASSERT_TRUE((*session)->Step(tokens.inputs, tokens.targets));
    std::vector<float>& flat = results.emplace_back(cuda::FirstWeights(config).size());
    ASSERT_TRUE((*session)->GatherParameters(flat));
  }
  cuda::ExpectClose(results[0], results[1], 1e-3);
}

TEST(EngineTest, WithoutAGpuAutoIsTheCpuAndSaysWhy) {
  if (cuda::LookForCuda().devices > 0) GTEST_SKIP() << "this machine has a GPU";
  const auto engine = Chosen({});
  EXPECT_FALSE(engine->uses_gpu());
  EXPECT_THAT(engine->text(), StartsWith("cpu ("));
}

TEST(EngineTest, ADemandedGpuThatIsNotThereRefusesEveryTask) {
  if (cuda::LookForCuda().devices > 0) GTEST_SKIP() << "this machine has a GPU";
  const auto alone = MakeSingle();
  EngineOptions options;
  options.wanted = Wanted::kCuda;
  const auto engine = Chosen(options);
  EXPECT_THAT(engine->text(), StartsWith("none ("));
  const model::LlamaConfig config = cuda::SmallModel(true);
  const auto session = engine->Train(config, cuda::SmallOptions(), *alone);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(session.error().message, StartsWith("--device cuda, and there is none to use: "));
  EXPECT_FALSE(engine->Evaluate(config, {}, cuda::FirstWeights(config)));
  EXPECT_FALSE(engine->Generate(config, cuda::FirstWeights(config)));
}

TEST(EngineTest, PrivateStepsAndWideHeadsAreComputedByTheCpu) {
  const auto alone = MakeSingle();
  const auto gpu = Chosen(OnEmulatedGpu());
  cpu::TrainOptions options = cuda::SmallOptions();
  options.record_clip = 1;
  options.record_noise = 1;
  const auto session = gpu->Train(cuda::SmallModel(true), options, *alone);
  ASSERT_TRUE(session) << session.error().message;
  EXPECT_NE((*session)->OnCpu(), nullptr);

  model::LlamaConfig wide = cuda::SmallModel(true);
  wide.dim = 512;
  wide.heads = wide.kv_heads = 2;
  const auto by_cpu = gpu->Train(wide, cuda::SmallOptions(), *alone);
  ASSERT_TRUE(by_cpu) << by_cpu.error().message;
  EXPECT_NE((*by_cpu)->OnCpu(), nullptr);
  EngineOptions demanded = OnEmulatedGpu();
  demanded.wanted = Wanted::kCuda;
  EXPECT_FALSE(Chosen(demanded)->Train(wide, cuda::SmallOptions(), *alone));
}

TEST(EngineTest, EachRankTakesAGpuOfItsOwnOrNone) {
  EXPECT_EQ(*DeviceOf(1, {0, 1, false}), 0u);
  EXPECT_EQ(*DeviceOf(4, {3, 4, false}), 3u);
  EXPECT_EQ(*DeviceOf(8, {1, 2, true}), 1u);
  EXPECT_EQ(*DeviceOf(1, {3, 4, true}), 0u);  // Slurm's --gpus-per-task=1
  EXPECT_EQ(DeviceOf(1, {0, 2, false}).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(DeviceOf(1, {1, 2, false}).error().message,
            "2 ranks share 1 GPU here, and each needs its own");
  EXPECT_FALSE(DeviceOf(2, {0, 3, true}));
}

int FailToLaunch(cuda::OpenDevice*, uint32_t, const void*, uint32_t) { return 1; }

// Whatever used it: its error stays, so that no later task could be answered.
TEST(EngineTest, AGpuThatFailsInAnEvaluationIsLost) {
  const model::LlamaConfig config = cuda::SmallModel(true);
  cuda::DeviceTable table = cuda::EmulatedTable();
  EngineOptions options = OnEmulatedGpu();
  options.table = &table;
  const auto gpu = Chosen(options);
  const auto evaluator =
      gpu->Evaluate(config, {.batch = 10, .sequence = cuda::kSequence}, cuda::FirstWeights(config));
  ASSERT_TRUE(evaluator) << evaluator.error().message;
  const cuda::Tokens tokens = cuda::Counting(1, 10);
  ASSERT_TRUE((*evaluator)->Evaluate(tokens.inputs, tokens.targets));
  EXPECT_FALSE(gpu->is_lost());
  table.launch = FailToLaunch;
  EXPECT_FALSE((*evaluator)->Evaluate(tokens.inputs, tokens.targets));
  EXPECT_TRUE(gpu->is_lost());
}

TEST(EngineTest, MuonWithoutAGpuIsRefused) {
  const auto alone = MakeSingle();
  EngineOptions options;
  options.wanted = Wanted::kCpu;
  options.cuda.uses_muon = true;
  const auto session = Chosen(options)->Train(cuda::SmallModel(true), cuda::SmallOptions(), *alone);
  ASSERT_FALSE(session);
  EXPECT_THAT(session.error().message, HasSubstr("on GPUs only"));
}

TEST(EngineTest, WhatItCannotTrainIsKnownBeforeARoundIsJoined) {
  const auto gpu = Chosen(OnEmulatedGpu());
  EngineOptions options = OnEmulatedGpu();
  options.wanted = Wanted::kCuda;
  options.cuda.uses_muon = true;
  const auto muon = Chosen(options);
  EngineOptions without_gpu;
  without_gpu.wanted = Wanted::kCpu;
  without_gpu.cuda.uses_muon = true;
  const auto on_cpu = Chosen(without_gpu);
  model::LlamaConfig wide = cuda::SmallModel(true);
  wide.dim = 512;
  wide.heads = wide.kv_heads = 2;
  const model::LlamaConfig narrow = cuda::SmallModel(true);
  const struct {
    const Engine& engine;
    Engine::Wish wish;
    const char* refusal;  // empty: it can
  } cases[] = {
      {*gpu, {}, ""},
      {*gpu, {.config = &wide, .is_private = true}, ""},
      {*gpu, {.is_private = true, .world = 2}, "in one process"},
      {*muon, {.config = &narrow, .zero = 1}, ""},
      {*muon, {.config = &narrow, .zero = 0, .world = 4}, ""},
      {*muon, {.zero = 1, .world = 4}, "--zero 0"},
      {*muon, {.is_private = true}, "on GPUs only"},
      {*muon, {.config = &wide}, "--device cuda, and its engine cannot"},
      {*on_cpu, {}, "on GPUs only"},
  };
  for (const auto& [engine, wish, refusal] : cases) {
    const Status can = engine.CheckWish(wish);
    EXPECT_EQ(can.has_value(), *refusal == 0) << refusal;
    if (can) continue;
    EXPECT_EQ(can.error().code, ErrorCode::kFailedPrecondition);
    EXPECT_THAT(can.error().message, HasSubstr(refusal));
  }
}

TEST(EngineTest, Bf16OnTheCpuTrainsWhereTheProcessorHasItAndIsRefusedElsewhere) {
  const auto alone = MakeSingle();
  EngineOptions options;
  options.wanted = Wanted::kCpu;
  options.precision = cpu::Precision::kBf16;
  const auto engine = Chosen(options);
  const model::LlamaConfig config = cuda::SmallModel(true);
  const auto session = engine->Train(config, cuda::SmallOptions(), *alone);
  if (cpu::HasBf16Instructions()) {
    EXPECT_EQ(engine->text(), "cpu in bf16");
    ASSERT_TRUE(session) << session.error().message;
    EXPECT_TRUE((*session)->LoadParameters(cuda::FirstWeights(config)));
  } else {
    ASSERT_FALSE(session);
    EXPECT_THAT(session.error().message, HasSubstr("--precision fp32"));
  }
}

TEST(EngineTest, OneRankWithoutAGpuPutsAllOnTheCpu) {
  if (cuda::LookForCuda().devices > 0) GTEST_SKIP() << "this machine has a GPU";
  auto gang = model::collective::MakeThreads(2);
  std::vector<std::thread> ranks;
  for (auto& rank : gang) {
    ranks.emplace_back([&rank] {
      const auto engine = Engine::Choose(rank->rank() == 0 ? OnEmulatedGpu() : EngineOptions{},
                                         *rank, rank->rank(), 2);
      ASSERT_TRUE(engine) << engine.error().message;
      EXPECT_FALSE((*engine)->uses_gpu());
      EXPECT_THAT((*engine)->text(), HasSubstr("rank 1"));
    });
  }
  for (std::thread& rank : ranks) rank.join();
}

TEST(EngineTest, EvaluatesAndGeneratesWhereItTrains) {
  const model::LlamaConfig config = cuda::SmallModel(true);
  const std::vector<float> weights = cuda::FirstWeights(config);
  const auto gpu = Chosen(OnEmulatedGpu());
  const cpu::EvaluateOptions options{.batch = 2, .sequence = cuda::kSequence};
  EXPECT_NE(*gpu->Evaluate(config, options, weights), nullptr);
  EXPECT_NE(*gpu->Generate(config, weights), nullptr);
  Engine plain;
  EXPECT_EQ(*plain.Evaluate(config, options, weights), nullptr);
  EXPECT_EQ(*plain.Generate(config, weights), nullptr);
}

}  // namespace
}  // namespace dure::trainer
