// DP-SGD: what one sequence can do to a step, the noise on it, and that it learns.
#include <gmock/gmock.h>

#include <cmath>

#include "model/cpu/gaussian_noise.h"
#include "model/cpu/train.h"
#include "model/initialize.h"
#include "model/layout.h"

namespace dure::model::cpu {
namespace {

constexpr size_t kSequence = 16;

LlamaConfig Model() {
  return {
      .vocab = 31, .dim = 32, .layers = 2, .heads = 4, .kv_heads = 2, .ffn_dim = 40, .context = 16};
}

struct Tokens {
  std::vector<uint32_t> inputs;
  std::vector<uint32_t> targets;
};

// Sequences that count upwards by a step, from a start.
Tokens Counting(const std::vector<uint32_t>& firsts, uint32_t step = 1) {
  Tokens tokens;
  for (const uint32_t first : firsts) {
    for (uint32_t t = 0; t < kSequence; ++t) {
      tokens.inputs.push_back((first + step * t) % 31);
      tokens.targets.push_back((first + step * (t + 1)) % 31);
    }
  }
  return tokens;
}

class PrivateStep : public ::testing::Test {
 protected:
  static std::unique_ptr<TrainSession> Session(double clip, double noise, uint32_t threads = 2,
                                               double scale = 1) {
    TrainOptions options;
    options.schedule.peak = 1e-2;
    options.sequence = kSequence;
    options.threads = threads;
    options.record_clip = clip;
    options.record_noise = noise;
    auto session = std::move(*TrainSession::Create(Model(), options));
    std::vector<float> parameters(LlamaLayout(Model()).parameter_count());
    Initialize(Model(), 3, parameters);
    for (float& value : parameters) value *= static_cast<float>(scale);
    EXPECT_TRUE(session->LoadParameters(parameters));
    return session;
  }
  // The sum of cut gradients of a fresh session's first step, with no noise.
  std::vector<double> SumOf(const Tokens& tokens, double clip, uint32_t threads = 2,
                            double scale = 1) {
    const auto session = Session(clip, 0, threads, scale);
    const auto step = session->PrivateStep(tokens.inputs, tokens.targets, 4, random_);
    EXPECT_TRUE(step) << (step ? "" : step.error().message);
    std::vector<double> sum(session->gradient().begin(), session->gradient().end());
    for (double& value : sum) value *= 4;
    return sum;
  }
  static double Distance(const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return std::sqrt(sum);
  }
  static double Norm(const std::vector<double>& a) {
    return Distance(a, std::vector<double>(a.size()));
  }

  SeededRandom random_{7};
};

TEST_F(PrivateStep, OneSequenceMoreOrLessMovesTheSumByAtMostTheClip) {
  // Gradients are far longer than the smallest clip and shorter than the largest; weights times ten
  // make some hundreds of times longer.
  for (const double clip : {1e-3, 0.05, 0.5, 50.0}) {
    for (const double scale : {1.0, 10.0}) {
      const std::vector<double> with = SumOf(Counting({1, 5, 9}), clip, 2, scale);
      const std::vector<double> without = SumOf(Counting({1, 9}), clip, 2, scale);
      const std::vector<double> swapped = SumOf(Counting({1, 20, 9}), clip, 2, scale);
      EXPECT_LE(Distance(with, without), clip) << clip << " " << scale;
      EXPECT_LE(Distance(with, swapped), 2 * clip) << clip << " " << scale;
      EXPECT_GT(Distance(with, without), 0);
    }
  }
}

TEST_F(PrivateStep, EachSequenceIsCutByItselfAndNotTheirSum) {
  const double clip = 0.05;
  std::vector<double> sum(SumOf(Counting({1}), clip).size());
  for (const uint32_t first : {1u, 5u, 9u}) {
    const std::vector<double> one = SumOf(Counting({first}), clip);
    EXPECT_NEAR(Norm(one), clip, 1e-3 * clip);  // each is longer than that, so it is cut to it
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += one[i];
  }
  EXPECT_NEAR(Distance(SumOf(Counting({1, 5, 9}), clip), sum), 0, 1e-5 * clip);
  EXPECT_GT(Norm(sum), 1.5 * clip);  // so the sum was not cut
}

TEST_F(PrivateStep, AGradientThatIsNotCutIsTheWholeOne) {
  const std::vector<double> summed = SumOf(Counting({1, 5, 9}), 1e6);
  TrainOptions plain;
  plain.schedule.peak = 1e-2;
  plain.sequence = kSequence;
  plain.batch = 3;
  const auto session = std::move(*TrainSession::Create(Model(), plain));
  std::vector<float> parameters(LlamaLayout(Model()).parameter_count());
  Initialize(Model(), 3, parameters);
  ASSERT_TRUE(session->LoadParameters(parameters));
  const Tokens tokens = Counting({1, 5, 9});
  ASSERT_TRUE(session->Step(tokens.inputs, tokens.targets));
  const std::vector<double> mean(session->gradient().begin(), session->gradient().end());
  std::vector<double> of_sum(mean);
  for (double& value : of_sum) value *= 3;
  EXPECT_NEAR(Distance(summed, of_sum), 0, 1e-4 * Norm(summed));
}

TEST_F(PrivateStep, TheSumDoesNotDependOnTheNumberOfThreads) {
  const std::vector<double> one = SumOf(Counting({2, 3}), 0.1, 1);
  EXPECT_NEAR(Distance(one, SumOf(Counting({2, 3}), 0.1, 3)), 0, 1e-6);
}

TEST_F(PrivateStep, TheNoiseHasTheDeviationThatTheAccountCounts) {
  const double clip = 0.5;
  const double noise = 1.3;
  const auto session = Session(clip, noise, 3);
  const auto step = session->PrivateStep({}, {}, 8, random_);  // a step may draw nobody
  ASSERT_TRUE(step) << step.error().message;
  EXPECT_EQ(step->tokens, 8 * kSequence);
  double square = 0;
  double mean = 0;
  double fourth = 0;
  const double unit = clip * noise / 8;
  for (const float value : session->gradient()) {
    const double z = value / unit;
    mean += z;
    square += z * z;
    fourth += z * z * z * z;
  }
  const double count = static_cast<double>(session->gradient().size());
  EXPECT_NEAR(mean / count, 0, 5 / std::sqrt(count));
  EXPECT_NEAR(square / count, 1, 5 * std::sqrt(2 / count));
  EXPECT_NEAR(fourth / count, 3, 5 * std::sqrt(96 / count));
  // Other chance, other noise; the same never again.
  const std::vector<float> once(session->gradient().begin(), session->gradient().end());
  ASSERT_TRUE(session->PrivateStep({}, {}, 8, random_));
  EXPECT_NE(once, std::vector<float>(session->gradient().begin(), session->gradient().end()));
}

TEST_F(PrivateStep, LearnsAnEasyTaskUnderNoise) {
  const auto session = Session(1.0, 0.5);
  double first = 0;
  double last = 0;
  for (int i = 0; i < 80; ++i) {
    std::vector<uint32_t> firsts;
    for (int k = 0; k < 12; ++k) firsts.push_back(static_cast<uint32_t>(random_.Below(31)));
    const Tokens tokens = Counting(firsts);
    const auto step = session->PrivateStep(tokens.inputs, tokens.targets, 12, random_);
    ASSERT_TRUE(step) << step.error().message;
    if (i == 0) first = step->loss;
    last = step->loss;
  }
  EXPECT_NEAR(first, std::log(31.0), 0.2);
  EXPECT_LT(last, 0.7 * first);
}

TEST_F(PrivateStep, ASequenceWhoseGradientIsNoNumberIsLeftOut) {
  const auto session = Session(1, 0);
  std::vector<float> parameters(session->parameters().begin(), session->parameters().end());
  parameters[5 * Model().dim] = INFINITY;  // in the row of token 5, which only some sequences have
  ASSERT_TRUE(session->LoadParameters(parameters));
  const Tokens tokens = Counting({1});
  const auto step = session->PrivateStep(tokens.inputs, tokens.targets, 1, random_);
  ASSERT_TRUE(step) << step.error().message;
  for (const float value : session->gradient()) ASSERT_EQ(value, 0);
}

TEST_F(PrivateStep, RefusesWhatIsNoStep) {
  const auto session = Session(1, 1);
  const Tokens tokens = Counting({1, 2});
  const auto part = std::span<const uint32_t>(tokens.inputs).first(9);
  EXPECT_FALSE(session->PrivateStep(part, part, 1, random_));
  EXPECT_FALSE(session->PrivateStep(tokens.inputs, tokens.targets, 0, random_));
  EXPECT_FALSE(session->PrivateStep(tokens.inputs, tokens.targets, NAN, random_));
  EXPECT_FALSE(session->Step(tokens.inputs, tokens.targets)) << "a step without noise";
  EXPECT_EQ(session->step(), 0u);
  TrainOptions plain;
  plain.sequence = kSequence;
  const auto other = std::move(*TrainSession::Create(Model(), plain));
  EXPECT_FALSE(other->PrivateStep(tokens.inputs, tokens.targets, 1, random_));
}

TEST(GaussianNoise, LiesOnAGridThatHidesTheLowBitsOfWhatItIsAddedTo) {
  SeededRandom random(1);
  const double grid = NoiseGrid(0.7);
  EXPECT_LE(grid, 0.7 * 0x1p-20);
  std::vector<float> values(1000, 1.2345678F);
  AddGaussianNoise(0.7, random, values);
  for (const float value : values) {
    EXPECT_EQ(std::fmod(value, grid), 0);
  }
}

}  // namespace
}  // namespace dure::model::cpu
