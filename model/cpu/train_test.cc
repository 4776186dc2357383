#include "model/cpu/train.h"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "federation/random.h"
#include "model/cpu/evaluate.h"
#include "model/initialize.h"
#include "model/layout.h"

namespace dure::model::cpu {
namespace {

LlamaConfig Model() {
  return {
      .vocab = 31, .dim = 32, .layers = 2, .heads = 4, .kv_heads = 2, .ffn_dim = 40, .context = 16};
}

TrainOptions Options(uint32_t threads = 1) {
  TrainOptions options;
  options.schedule = {
      .kind = Schedule::Kind::kCosine, .peak = 1e-2, .warmup_steps = 5, .total_steps = 60};
  options.batch = 4;
  options.sequence = 16;
  options.threads = threads;
  return options;
}

std::vector<float> FirstWeights(const LlamaConfig& config) {
  std::vector<float> parameters(LlamaLayout(config).parameter_count());
  Initialize(config, 3, parameters);
  return parameters;
}

std::unique_ptr<TrainSession> Session(const TrainOptions& options) {
  auto session = std::move(*TrainSession::Create(Model(), options));
  EXPECT_TRUE(session->LoadParameters(FirstWeights(Model())));
  return session;
}

struct Tokens {
  std::vector<uint32_t> inputs;
  std::vector<uint32_t> targets;
};

// Sequences that count upwards by a step: learnable, and different for each seed.
Tokens Counting(uint64_t seed, size_t sequences) {
  SeededRandom random(seed);
  Tokens tokens;
  for (size_t s = 0; s < sequences; ++s) {
    const uint64_t first = random.Below(31);
    const uint64_t step = 1 + random.Below(3);
    for (uint64_t t = 0; t < 16; ++t) {
      tokens.inputs.push_back(static_cast<uint32_t>((first + step * t) % 31));
      tokens.targets.push_back(static_cast<uint32_t>((first + step * (t + 1)) % 31));
    }
  }
  return tokens;
}

StepResult MustStep(TrainSession& session, const Tokens& tokens) {
  const auto result = session.Step(tokens.inputs, tokens.targets);
  EXPECT_TRUE(result) << (result ? "" : result.error().message);
  return result ? *result : StepResult{};
}

std::vector<float> Copy(const TrainSession& session) {
  return {session.parameters().begin(), session.parameters().end()};
}

std::filesystem::path Temporary(const std::string& name) {
  return std::filesystem::path(testing::TempDir()) / ("dure_train_test_" + name);
}

TEST(TrainTest, LearnsToCount) {
  const auto session = Session(Options(2));
  const double first = MustStep(*session, Counting(0, 4)).loss;
  StepResult last;
  for (uint64_t i = 1; i < 60; ++i) last = MustStep(*session, Counting(i, 4));
  EXPECT_NEAR(first, std::log(31.0), 0.2);
  EXPECT_LT(last.loss, 0.5 * first);
  EXPECT_EQ(last.step, 60u);
  EXPECT_EQ(last.tokens, 64u);
}

TEST(TrainTest, InBf16TheLossFallsAsInFp32) {
  TrainOptions rounded = Options(2);
  rounded.precision = Precision::kBf16;
  const auto exact = Session(Options(2));
  const auto bf16 = Session(rounded);
  double apart = 0, sum = 0;
  for (uint64_t i = 0; i < 60; ++i) {
    const StepResult a = MustStep(*exact, Counting(i, 4));
    const StepResult b = MustStep(*bf16, Counting(i, 4));
    EXPECT_NEAR(a.loss, b.loss, 0.1 * a.loss) << "step " << i;
    EXPECT_NE(a.loss, b.loss) << "step " << i << ": nothing was rounded";
    apart += b.loss - a.loss;
    sum += a.loss;
  }
  EXPECT_LT(std::abs(apart), 0.01 * sum) << "no bias";
}

TEST(TrainTest, AResumedSessionContinuesBitForBit) {
  for (const uint32_t threads : {1u, 2u}) {
    const auto whole = Session(Options(threads));
    const auto before = Session(Options(threads));
    for (uint64_t i = 0; i < 6; ++i) MustStep(*whole, Counting(i, 4));
    for (uint64_t i = 0; i < 3; ++i) MustStep(*before, Counting(i, 4));
    const auto path = Temporary("resume");
    ASSERT_TRUE(before->SaveOptimizer(path));
    const auto after = std::move(*TrainSession::Create(Model(), Options(threads)));
    ASSERT_TRUE(after->LoadParameters(before->parameters()));
    ASSERT_TRUE(after->LoadOptimizer(path));
    EXPECT_EQ(after->step(), 3u);
    for (uint64_t i = 3; i < 6; ++i) MustStep(*after, Counting(i, 4));
    EXPECT_EQ(Copy(*after), Copy(*whole));
    std::filesystem::remove(path);
  }
}

TEST(TrainTest, AccumulationIsTheSameStepAsALargerBatch) {
  TrainOptions split = Options();
  split.batch = 2;
  split.accumulation = 2;
  const auto one = Session(Options());
  const auto two = Session(split);
  Tokens tokens = Counting(5, 4);
  tokens.targets[3] = kIgnoredTarget;
  const StepResult a = MustStep(*one, tokens);
  const StepResult b = MustStep(*two, tokens);
  EXPECT_NEAR(a.loss, b.loss, 1e-6);
  EXPECT_NEAR(a.gradient_norm, b.gradient_norm, 1e-4 * a.gradient_norm);
  EXPECT_EQ(a.tokens, 63u);
}

TEST(TrainTest, ANanChangesNothingAndIsReported) {
  const auto session = Session(Options());
  MustStep(*session, Counting(0, 4));
  std::vector<float> poisoned = Copy(*session);
  poisoned[poisoned.size() - 1] = std::numeric_limits<float>::quiet_NaN();
  ASSERT_TRUE(session->LoadParameters(poisoned));
  const Tokens tokens = Counting(1, 4);
  const auto result = session->Step(tokens.inputs, tokens.targets);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(session->step(), 1u);
  poisoned.back() = 0;
  std::vector<float> kept = Copy(*session);
  kept.back() = 0;
  EXPECT_EQ(kept, poisoned);
}

TEST(TrainTest, ClippingBoundsTheGradientButNotItsReport) {
  TrainOptions options = Options();
  options.clip_norm = 1e-3;
  options.beta1 = 0;
  const auto session = Session(options);
  EXPECT_GT(MustStep(*session, Counting(0, 4)).gradient_norm, 1e-2);
}

TEST(TrainTest, RefusesWrongSizesTokensAndTargets) {
  const auto session = Session(Options());
  const Tokens good = Counting(0, 4);
  const auto code = [&](Tokens tokens) {
    const auto result = session->Step(tokens.inputs, tokens.targets);
    return result ? ErrorCode::kInternal : result.error().code;
  };
  Tokens few = good;
  few.inputs.pop_back();
  EXPECT_EQ(code(few), ErrorCode::kInvalid);
  Tokens beyond = good;
  beyond.inputs[7] = 31;
  EXPECT_EQ(code(beyond), ErrorCode::kInvalid);
  beyond = good;
  beyond.targets[7] = 31;
  EXPECT_EQ(code(beyond), ErrorCode::kInvalid);
  Tokens none = good;
  std::fill(none.targets.begin(), none.targets.end(), kIgnoredTarget);
  EXPECT_EQ(code(none), ErrorCode::kInvalid);
  EXPECT_FALSE(session->LoadParameters(std::vector<float>(3)));
  EXPECT_EQ(session->step(), 0u);
}

TEST(TrainTest, RefusesAStepBeforeParameters) {
  const auto session = std::move(*TrainSession::Create(Model(), Options()));
  const Tokens tokens = Counting(0, 4);
  EXPECT_EQ(session->Step(tokens.inputs, tokens.targets).error().code,
            ErrorCode::kFailedPrecondition);
}

TEST(TrainTest, RefusesOptionsOutOfBounds) {
  const auto refused = [](auto change) {
    TrainOptions options = Options();
    change(options);
    return !TrainSession::Create(Model(), options);
  };
  EXPECT_TRUE(refused([](TrainOptions& o) { o.batch = 0; }));
  EXPECT_TRUE(refused([](TrainOptions& o) { o.sequence = 17; }));
  EXPECT_TRUE(refused([](TrainOptions& o) { o.beta2 = std::nan(""); }));
  EXPECT_TRUE(refused([](TrainOptions& o) { o.epsilon = 0; }));
  EXPECT_TRUE(refused([](TrainOptions& o) { o.threads = 0; }));
  EXPECT_TRUE(refused([](TrainOptions& o) { o.schedule.total_steps = 1; }));
  EXPECT_FALSE(refused([](TrainOptions&) {}));
}

TEST(TrainTest, AnAlteredOrForeignOptimizerFileIsRefusedAndChangesNothing) {
  const auto session = Session(Options());
  MustStep(*session, Counting(0, 4));
  const auto path = Temporary("altered");
  ASSERT_TRUE(session->SaveOptimizer(path));
  const auto size = std::filesystem::file_size(path);
  const auto fresh = Session(Options());
  for (const uint64_t at : {uint64_t{0}, uint64_t{8}, uint64_t{45}, uint64_t{100}, size - 1}) {
    std::filesystem::copy_file(path, Temporary("copy"),
                               std::filesystem::copy_options::overwrite_existing);
    std::fstream file(Temporary("copy"), std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const int byte = file.get();
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(byte ^ 1));
    file.close();
    const auto loaded = fresh->LoadOptimizer(Temporary("copy"));
    ASSERT_FALSE(loaded) << at;
    EXPECT_EQ(loaded.error().code, ErrorCode::kCorrupt) << at;
  }
  std::filesystem::resize_file(Temporary("copy"), size - 5);
  EXPECT_EQ(fresh->LoadOptimizer(Temporary("copy")).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(fresh->LoadOptimizer(Temporary("none")).error().code, ErrorCode::kNotFound);
  LlamaConfig other = Model();
  other.rope_theta = 500000;
  const auto foreign = std::move(*TrainSession::Create(other, Options()));
  EXPECT_EQ(foreign->LoadOptimizer(path).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(fresh->step(), 0u);
  std::filesystem::remove(path);
  std::filesystem::remove(Temporary("copy"));
}

TEST(TrainTest, EvaluationGivesTheLossThatTheStepReports) {
  const auto session = Session(Options(2));
  for (uint64_t i = 0; i < 3; ++i) MustStep(*session, Counting(i, 4));
  const std::vector<float> parameters = Copy(*session);
  const Tokens tokens = Counting(9, 4);
  const auto evaluator =
      std::move(*Evaluator::Create(Model(), {.batch = 8, .sequence = 16, .threads = 2}));
  const auto likelihood = evaluator->Evaluate(parameters, tokens.inputs, tokens.targets);
  ASSERT_TRUE(likelihood);
  const double loss = MustStep(*session, tokens).loss;
  EXPECT_NEAR(likelihood->nats / static_cast<double>(likelihood->tokens), loss, 1e-6);
  EXPECT_FALSE(evaluator->Evaluate(parameters, {}, {}));
  EXPECT_FALSE(evaluator->Evaluate(parameters, std::span(tokens.inputs).first(5),
                                   std::span(tokens.targets).first(5)));
}

TEST(TrainTest, ThePlanCoversEverythingTheSessionMaps) {
  // 4 vectors of the parameters are the least; activations come on top.
  const uint64_t parameters = LlamaLayout(Model()).parameter_count();
  EXPECT_GT(TrainSession::PlannedBytes(Model(), Options()), 16 * parameters);
  TrainOptions larger = Options();
  larger.batch *= 2;
  EXPECT_GT(TrainSession::PlannedBytes(Model(), larger),
            TrainSession::PlannedBytes(Model(), Options()));
  TrainOptions rounded = Options(2);
  rounded.precision = Precision::kBf16;
  EXPECT_EQ(TrainSession::PlannedBytes(Model(), rounded),
            TrainSession::PlannedBytes(Model(), Options(2)) + 2 * kProductRoomBytes);
}

}  // namespace
}  // namespace dure::model::cpu
