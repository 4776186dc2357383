// Evaluation and generation on a device against the CPU's.
#include "model/cuda/inference.h"

#include "model/cuda/emulated/session_fixture.h"

namespace dure::model::cuda {
namespace {

class InferenceTest : public testing::TestWithParam<NumberType> {
 protected:
  InferenceTest() {
    // The start of a training, with larger weights: logits far from each other.
    for (float& x : parameters_) x = ToFloat(FromFloat<Bf16>(3 * x));
  }
  double Error() const { return GetParam() == NumberType::kBf16 ? 0.05 : 1e-4; }

  const LlamaConfig config_ = SmallModel(false);
  std::vector<float> parameters_ = FirstWeights(config_);
  std::unique_ptr<Device> device_ =
      std::move(*Device::Open(RealTable() ? *RealTable() : EmulatedTable(), 0));
};

TEST_P(InferenceTest, LikelihoodsAreTheCpus) {
  const cpu::EvaluateOptions options{.batch = 3, .sequence = kSequence};
  const auto cpu = std::move(*cpu::Evaluator::Create(config_, options));
  const auto cuda =
      std::move(*Evaluator::Create(*device_, config_, options, GetParam(), parameters_));
  for (const uint32_t sequences : {3U, 1U}) {
    const Tokens tokens = Counting(sequences, sequences);
    const auto expected = cpu->Evaluate(parameters_, tokens.inputs, tokens.targets);
    const auto result = cuda->Evaluate(tokens.inputs, tokens.targets);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->tokens, expected->tokens);
    EXPECT_NEAR(result->nats / expected->nats, 1.0, Error() / 10);
  }
}

TEST_P(InferenceTest, LogitsOfAPromptAndOfTokensOneByOneAreTheCpus) {
  const auto cpu = std::move(*cpu::Generator::Create(config_, parameters_));
  const auto cuda = std::move(*Generator::Create(*device_, config_, GetParam(), parameters_));
  const Tokens tokens = Counting(4, 1);
  const std::span<const uint32_t> all(tokens.inputs);
  // A prompt of many, one alone, and some behind what is cached.
  const size_t ends[] = {9, 10, 11, 20};
  size_t begin = 0;
  for (const size_t end : ends) {
    const auto expected = cpu->Advance(all.subspan(begin, end - begin));
    const auto logits = cuda->Advance(all.subspan(begin, end - begin));
    ASSERT_TRUE(logits) << logits.error().message;
    ExpectClose({logits->begin(), logits->end()}, {expected->begin(), expected->end()}, Error());
    begin = end;
  }
  EXPECT_EQ(cuda->Advance(all.first(5)).error().code, ErrorCode::kExhausted);
}

TEST_P(InferenceTest, GreedyTextIsTheCpus) {
  const auto cpu = std::move(*cpu::Generator::Create(config_, parameters_));
  const auto cuda = std::move(*Generator::Create(*device_, config_, GetParam(), parameters_));
  const std::vector<uint32_t> prompt{3, 5, 7};
  const cpu::GenerateOptions options{.tokens_max = 30, .stop_at_eos = false};
  const auto expected = cpu->Generate(prompt, options);
  const auto made = cuda->Generate(prompt, options);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->size(), expected->size());
  if (GetParam() == NumberType::kFloat) {
    EXPECT_EQ(*made, *expected);
  }
  EXPECT_EQ(*cuda->Generate(prompt, options), *made);
}

INSTANTIATE_TEST_SUITE_P(Numbers, InferenceTest,
                         testing::Values(NumberType::kFloat, NumberType::kBf16),
                         [](const auto& one) {
                           return one.param == NumberType::kBf16 ? "Bf16" : "Fp32";
                         });

}  // namespace
}  // namespace dure::model::cuda
