// Training on a device against training on the CPU: the engine's own code, with kernels and
// products emulated where there is no GPU.
#include "model/cuda/train.h"

#include <filesystem>

#include "model/cuda/emulated/session_fixture.h"

namespace dure::model::cuda {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr CudaOptions kFp32{.numbers = NumberType::kFloat};
constexpr CudaOptions kBf16{};

double CosineOf(std::span<const float> a, std::span<const float> b) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = static_cast<double>(a[i]);
    const double y = static_cast<double>(b[i]);
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return ab / std::sqrt(aa * bb);
}

TEST(CudaTrainTest, GradientsOfAWholeStepAreTheCpusInFp32) {
  for (const bool tied : {true, false}) {
    for (const Recompute recompute : {Recompute::kNothing, Recompute::kNorms, Recompute::kLayers}) {
      const LlamaConfig config = SmallModel(tied);
      CudaOptions cuda = kFp32;
      cuda.recompute = recompute;
      OnDevice device(config, SmallOptions(), cuda);
      const auto cpu = OnCpu(config, SmallOptions());
      for (uint64_t step = 0; step < 3; ++step) {
        const Tokens tokens = Counting(FreshSeed() + step, 10);
        const auto expected = cpu->Step(tokens.inputs, tokens.targets);
        const auto result = device->Step(tokens.inputs, tokens.targets);
        ASSERT_TRUE(result) << result.error().message;
        EXPECT_NEAR(result->loss, expected->loss, 1e-4);
        EXPECT_NEAR(result->gradient_norm, expected->gradient_norm, 1e-3);
        EXPECT_EQ(result->learning_rate, expected->learning_rate);
        EXPECT_EQ(result->tokens, expected->tokens);
        const std::vector<float> gradient = *device->Gradient();
        const std::span<const float> wanted = cpu->gradient();
        ExpectClose(gradient, {wanted.begin(), wanted.end()}, 1e-3, 0.1);
      }
    }
  }
}

TEST(CudaTrainTest, WhatIsMadeAgainIsTheSameBits) {
  const LlamaConfig config = SmallModel(true);
  std::vector<std::vector<float>> gradients;
  for (const Recompute recompute : {Recompute::kNothing, Recompute::kNorms, Recompute::kLayers}) {
    CudaOptions cuda = kBf16;
    cuda.recompute = recompute;
    cuda.same_bits = true;
    OnDevice device(config, SmallOptions(), cuda);
    const Tokens tokens = Counting(FreshSeed(), 10);
    ASSERT_TRUE(device->Step(tokens.inputs, tokens.targets));
    gradients.push_back(*device->Gradient());
  }
  EXPECT_TRUE(SameBits(gradients[0], gradients[1]));
  EXPECT_TRUE(SameBits(gradients[0], gradients[2]));
}

TEST(CudaTrainTest, TheSameBitsEachTimeWhereTheyAreWanted) {
  LlamaConfig config = SmallModel(true);
  config.context = 128;
  cpu::TrainOptions options = SmallOptions();
  options.sequence = 128;  // the device's library computes this attention, adding as it comes
  CudaOptions cuda = kBf16;
  cuda.same_bits = true;
  const uint32_t seed = FreshSeed();
  std::vector<std::vector<float>> gradients;
  for (int time = 0; time < 3; ++time) {
    OnDevice device(config, options, cuda);
    Tokens tokens;
    SeededRandom random(seed);
    for (size_t i = 0; i < size_t{options.accumulation} * options.batch * options.sequence; ++i) {
      tokens.inputs.push_back(static_cast<uint32_t>(random.Below(config.vocab)));
      tokens.targets.push_back(static_cast<uint32_t>(random.Below(config.vocab)));
    }
    ASSERT_TRUE(device->Step(tokens.inputs, tokens.targets));
    gradients.push_back(*device->Gradient());
  }
  EXPECT_TRUE(SameBits(gradients[0], gradients[1]));
  EXPECT_TRUE(SameBits(gradients[0], gradients[2]));
}

// Forward and backward go the same way, and a library that is told its sums back computes the same.
TEST(CudaTrainTest, TheDevicesLibraryOfAttentionStandsForOurKernels) {
  SetEmulatedAttention(true);
  const auto off = std::shared_ptr<void>(nullptr, [](void*) { SetEmulatedAttention(false); });
  LlamaConfig config = SmallModel(true);
  config.context = 128;
  cpu::TrainOptions options = SmallOptions();
  options.batch = 1;
  options.accumulation = 1;
  options.sequence = 128;
  SeededRandom random(FreshSeed());
  Tokens tokens;
  for (uint32_t i = 0; i < options.sequence; ++i) {
    tokens.inputs.push_back(static_cast<uint32_t>(random.Below(config.vocab)));
    tokens.targets.push_back(static_cast<uint32_t>(random.Below(config.vocab)));
  }
  std::vector<std::vector<float>> gradients;
  std::vector<double> losses;
  for (const bool same_bits : {false, true}) {
    CudaOptions cuda = kBf16;
    cuda.same_bits = same_bits;
    OnDevice device(config, options, cuda);
    const auto done = device->Step(tokens.inputs, tokens.targets);
    ASSERT_TRUE(done) << done.error().message;
    losses.push_back(done->loss);
    gradients.push_back(*device->Gradient());
  }
  EXPECT_NEAR(losses[0], losses[1], 1e-2);
  EXPECT_GT(CosineOf(gradients[0], gradients[1]), 0.999);
}

TEST(CudaTrainTest, GradientsInBf16PointWhereTheCpusDo) {
  const LlamaConfig config = SmallModel(false);
  OnDevice device(config, SmallOptions(), kBf16);
  const auto cpu = OnCpu(config, SmallOptions());
  const Tokens tokens = Counting(FreshSeed(), 10);
  const auto expected = cpu->Step(tokens.inputs, tokens.targets);
  const auto result = device->Step(tokens.inputs, tokens.targets);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_NEAR(result->loss, expected->loss, 0.01);
  EXPECT_NEAR(result->gradient_norm, expected->gradient_norm, 0.02 * expected->gradient_norm);
  EXPECT_GT(CosineOf(*device->Gradient(), cpu->gradient()), 0.999);
}

struct Curve {
  double first = 0;
  double last = 0;   // mean of the last tenth
  double apart = 0;  // the largest distance to the CPU's
};

Curve Train(const CudaOptions& cuda, uint64_t steps) {
  const LlamaConfig config = SmallModel(true);
  cpu::TrainOptions options = SmallOptions();
  options.batch = 2;
  options.accumulation = 1;
  OnDevice device(config, options, cuda);
  const auto cpu = OnCpu(config, options);
  Curve curve;
  for (uint64_t step = 0; step < steps; ++step) {
    const Tokens tokens = Counting(step, 2);
    const double expected = cpu->Step(tokens.inputs, tokens.targets)->loss;
    const auto result = device->Step(tokens.inputs, tokens.targets);
    EXPECT_TRUE(result) << result.error().message;
    curve.apart = std::max(curve.apart, std::abs(result->loss - expected));
    if (step == 0) curve.first = result->loss;
    if (step >= steps - steps / 10) curve.last += result->loss / static_cast<double>(steps / 10);
  }
  return curve;
}

TEST(CudaTrainTest, TwoHundredStepsGoTheCpusWay) {
  const Curve fp32 = Train(kFp32, 200);
  EXPECT_LT(fp32.last, fp32.first / 3);
  EXPECT_LT(fp32.apart, 0.02);
  const Curve bf16 = Train(kBf16, 200);
  EXPECT_LT(bf16.last, bf16.first / 3);
  EXPECT_LT(bf16.apart, 0.15);
  CudaOptions chance = kBf16;
  chance.rounds_by_chance = true;
  EXPECT_LT(Train(chance, 100).last, bf16.first / 2);
}

TEST(CudaTrainTest, AStateGoesFromTheCpuToTheDeviceAndBack) {
  const LlamaConfig config = SmallModel(true);
  const fs::path path = fs::path(testing::TempDir()) / "dure_cuda_optimizer";
  const auto before = OnCpu(config, SmallOptions());
  for (uint64_t step = 0; step < 3; ++step) {
    const Tokens tokens = Counting(step, 10);
    ASSERT_TRUE(before->Step(tokens.inputs, tokens.targets));
  }
  ASSERT_TRUE(before->SaveOptimizer(path));
  OnDevice device(config, SmallOptions(), kFp32);
  ASSERT_TRUE(device->LoadParameters(before->parameters()));
  ASSERT_TRUE(device->LoadOptimizer(path));
  EXPECT_EQ(device->step(), 3U);
  const Tokens tokens = Counting(3, 10);
  ASSERT_TRUE(device->Step(tokens.inputs, tokens.targets));
  ASSERT_TRUE(before->Step(tokens.inputs, tokens.targets));
  std::vector<float> parameters(before->parameters().size());
  ASSERT_TRUE(device->GatherParameters(parameters));
  ExpectClose(parameters, {before->parameters().begin(), before->parameters().end()}, 1e-4);

  ASSERT_TRUE(device->SaveOptimizer(path));
  const auto after = OnCpu(config, SmallOptions());
  ASSERT_TRUE(after->LoadOptimizer(path));
  EXPECT_EQ(after->step(), 4U);
}

TEST(CudaTrainTest, AGradientThatIsNotFiniteChangesNothing) {
  const LlamaConfig config = SmallModel(true);
  OnDevice device(config, SmallOptions(), kBf16);
  std::vector<float> broken = FirstWeights(config);
  broken[100] = NAN;
  ASSERT_TRUE(device->LoadParameters(broken));
  const Tokens tokens = Counting(1, 10);
  const auto result = device->Step(tokens.inputs, tokens.targets);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(device->step(), 0U);
  std::vector<float> same(broken.size());
  ASSERT_TRUE(device->GatherParameters(same));
  EXPECT_TRUE(SameBits(same, broken));
  ASSERT_TRUE(device->LoadParameters(FirstWeights(config)));
  EXPECT_TRUE(device->Step(tokens.inputs, tokens.targets));
}

class CudaRefusalTest : public testing::Test {
 protected:
  Error Refusal(const LlamaConfig& config, const cpu::TrainOptions& options) {
    const auto device = std::move(*Device::Open(EmulatedTable(), 0));
    const auto ranks = collective::MakeSingle();
    const auto made = TrainSession::Create(*device, config, options, kBf16, {*ranks, nullptr});
    EXPECT_FALSE(made);
    return made ? Error{} : made.error();
  }
};

TEST_F(CudaRefusalTest, MemoryThatDoesNotSufficeIsRefusedBeforeTheFirstStep) {
  const uint64_t planned = TrainSession::PlannedBytes(SmallModel(true), SmallOptions(), kBf16);
  SetEmulatedMemory(planned - 1);
  const Error error = Refusal(SmallModel(true), SmallOptions());
  SetEmulatedMemory(uint64_t{4} << 30);
  EXPECT_EQ(error.code, ErrorCode::kExhausted);
  EXPECT_THAT(error.message, HasSubstr("--recompute layers"));
}

TEST_F(CudaRefusalTest, ThePlanIsExactlyWhatIsTaken) {
  SetEmulatedMemory(TrainSession::PlannedBytes(SmallModel(true), SmallOptions(), kBf16));
  OnDevice device(SmallModel(true), SmallOptions(), kBf16);
  SetEmulatedMemory(uint64_t{4} << 30);
  const Tokens tokens = Counting(1, 10);
  EXPECT_TRUE(device->Step(tokens.inputs, tokens.targets));
}

TEST_F(CudaRefusalTest, HeadsThatAreTooWideAreRefused) {
  LlamaConfig config = SmallModel(true);
  config.dim = 512;
  config.heads = 2;
  config.kv_heads = 2;
  EXPECT_THAT(Refusal(config, SmallOptions()).message, HasSubstr("train on the CPU"));
}

TEST_F(CudaRefusalTest, MoreSequencesThanAGridHoldsAreRefused) {
  cpu::TrainOptions options = SmallOptions();
  options.batch = 40'000;
  EXPECT_THAT(Refusal(SmallModel(true), options).message, HasSubstr("at most 32767 sequences"));
}

TEST_F(CudaRefusalTest, PrivateStepsAreRefused) {
  cpu::TrainOptions options = SmallOptions();
  options.record_clip = 1;
  options.record_noise = 1;
  EXPECT_THAT(Refusal(SmallModel(true), options).message, HasSubstr("DP-SGD"));
}

}  // namespace
}  // namespace dure::model::cuda
