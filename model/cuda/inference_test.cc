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

// Long enough for prompts of several pieces and for keys in several splits.
class LongTextTest : public InferenceTest {
 protected:
  LongTextTest() : long_(SmallModel(false)) {
    long_.context = 420;
    long_.kv_heads = 2;
    long_.heads = 4;
    parameters_ = FirstWeights(long_);
    for (float& x : parameters_) x = ToFloat(FromFloat<Bf16>(3 * x));
    cpu_ = std::move(*cpu::Generator::Create(long_, parameters_));
    cuda_ = std::move(*Generator::Create(*device_, long_, GetParam(), parameters_));
  }
  std::vector<uint32_t> Prompt(size_t size) const {
    std::vector<uint32_t> prompt;
    for (size_t i = 0; i < size; ++i) {
      prompt.push_back(static_cast<uint32_t>(i * i % 37 + i / 7) % kVocabulary);
    }
    return prompt;
  }
  // In fp32 the tokens are the CPU's, in bf16 as many.
  void ExpectCpus(const std::vector<uint32_t>& prompt, const cpu::GenerateOptions& options) {
    const auto expected = cpu_->Generate(prompt, options);
    const auto made = cuda_->Generate(prompt, options);
    ASSERT_TRUE(made) << made.error().message;
    if (GetParam() == NumberType::kFloat) {
      EXPECT_EQ(*made, *expected);
    }
    if (!options.stop_at_eos) {
      EXPECT_EQ(made->size(), expected->size());
    }
  }

  LlamaConfig long_;
  std::unique_ptr<cpu::Generator> cpu_;
  std::unique_ptr<Generator> cuda_;
};

TEST_P(LongTextTest, PromptsOfEveryKindAreFollowedToTheEndOfTheContext) {
  // One token; one, two and three pieces, the last of them one token; all of the context.
  for (const size_t size : {1U, 255U, 256U, 257U, 400U, 419U, 420U}) {
    SCOPED_TRACE(size);
    cpu_->Reset();
    cuda_->Reset();
    const auto expected = cpu_->Advance(Prompt(size));
    const auto logits = cuda_->Advance(Prompt(size));
    ASSERT_TRUE(logits) << logits.error().message;
    ExpectClose({logits->begin(), logits->end()}, {expected->begin(), expected->end()}, Error());
    ExpectCpus(Prompt(size), {.tokens_max = 1000, .stop_at_eos = false});
  }
}

TEST_P(LongTextTest, EveryNumberOfTokensIsMade) {
  for (const uint32_t tokens : {0U, 1U, 2U, 8U, 9U, 10U, 17U}) {
    SCOPED_TRACE(tokens);
    ExpectCpus(Prompt(5), {.tokens_max = tokens, .stop_at_eos = false});
  }
}

TEST_P(LongTextTest, ChanceChoosesTheCpusTokens) {
  ExpectCpus(Prompt(20),
             {.tokens_max = 60, .temperature = 0.8, .top_k = 5, .seed = 4, .stop_at_eos = false});
}

TEST_P(LongTextTest, TheEndTokenEndsTheTextAndTheNextOneBeginsAnew) {
  const std::vector<uint32_t> prompt = Prompt(9);
  const auto all = cuda_->Generate(prompt, {.tokens_max = 40, .stop_at_eos = false});
  ASSERT_TRUE(all);
  // The end token is one that the model comes to.
  long_.eos_id = (*all)[20];
  const auto first = std::ranges::find(*all, long_.eos_id);
  const std::vector<uint32_t> expected(all->begin(), first);
  const auto again = std::move(*Generator::Create(*device_, long_, GetParam(), parameters_));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(*again->Generate(prompt, {.tokens_max = 40}), expected);
}

TEST_P(LongTextTest, WhoeverStopsItGoesOnFromThere) {
  const std::vector<uint32_t> prompt = Prompt(9);
  // Within what is made at once, and at its ends.
  for (const size_t stop_at : {1U, 2U, 5U, 9U, 10U, 30U}) {
    std::vector<uint32_t> seen;
    const auto made =
        cuda_->Generate(prompt, {.tokens_max = 60, .stop_at_eos = false}, [&](uint32_t token) {
          seen.push_back(token);
          return seen.size() < stop_at;
        });
    ASSERT_TRUE(made);
    EXPECT_EQ(made->size(), stop_at);
    EXPECT_EQ(seen, *made);
    // What was made but never read is not part of what it goes on from.
    std::vector<uint32_t> read = prompt;
    read.insert(read.end(), made->begin(), made->end() - 1);
    cpu_->Reset();
    ASSERT_TRUE(cpu_->Advance(read));
    const std::vector<uint32_t> next{made->back(), 3};
    const auto expected = cpu_->Advance(next);
    const auto logits = cuda_->Advance(next);
    ASSERT_TRUE(logits);
    ExpectClose({logits->begin(), logits->end()}, {expected->begin(), expected->end()}, Error());
  }
}

TEST_P(LongTextTest, AModelThatGivesNoNumbersIsSaidToBeBroken) {
  parameters_[7 * long_.dim + 3] = INFINITY;  // of token 7
  const auto broken = std::move(*Generator::Create(*device_, long_, GetParam(), parameters_));
  for (const std::vector<uint32_t>& prompt : {std::vector<uint32_t>{7}, {1, 7}, {1, 2, 7}}) {
    const auto made = broken->Generate(prompt, {.tokens_max = 20});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::kCorrupt);
  }
}

// What a device is asked for, counted.
struct Calls {
  uint32_t launches = 0;
  uint32_t replays = 0;
  uint32_t copies_out = 0;
};
Calls calls;
DeviceTable CountingTable() {
  DeviceTable table = EmulatedTable();
  table.launch = [](OpenDevice* device, uint32_t kernel, const void* args, uint32_t bytes) {
    ++calls.launches;
    return EmulatedTable().launch(device, kernel, args, bytes);
  };
  table.replay = [](OpenDevice* device, OpenSequence* sequence) {
    ++calls.replays;
    return EmulatedTable().replay(device, sequence);
  };
  table.copy_out = [](OpenDevice* device, void* to, const void* from, uint64_t bytes) {
    ++calls.copies_out;
    return EmulatedTable().copy_out(device, to, from, bytes);
  };
  return table;
}

TEST_P(LongTextTest, ATokenIsOneReplayAndSeveralAreFetchedAtOnce) {
  const DeviceTable table = CountingTable();
  const auto device = std::move(*Device::Open(table, 0));
  const auto counted = std::move(*Generator::Create(*device, long_, GetParam(), parameters_));
  const cpu::GenerateOptions options{.tokens_max = 81, .stop_at_eos = false};
  const auto first = counted->Generate(Prompt(4), options);
  calls = {};
  const auto again = counted->Generate(Prompt(4), options);
  EXPECT_EQ(calls.replays, 80U);
  EXPECT_EQ(calls.copies_out, 11U);
  EXPECT_LT(calls.launches, 40U) << "the prompt's";
  EXPECT_EQ(*again, *first);
}

TEST_P(LongTextTest, ADeviceThatRecordsNothingGivesTheSame) {
  DeviceTable table = EmulatedTable();
  table.record = nullptr;
  const auto device = std::move(*Device::Open(table, 0));
  const auto plain = std::move(*Generator::Create(*device, long_, GetParam(), parameters_));
  const auto emulated = std::move(*Device::Open(EmulatedTable(), 0));
  const auto recorded = std::move(*Generator::Create(*emulated, long_, GetParam(), parameters_));
  const cpu::GenerateOptions options{.tokens_max = 50, .stop_at_eos = false};
  EXPECT_EQ(*plain->Generate(Prompt(30), options), *recorded->Generate(Prompt(30), options));
}

INSTANTIATE_TEST_SUITE_P(Numbers, LongTextTest,
                         testing::Values(NumberType::kFloat, NumberType::kBf16),
                         [](const auto& one) {
                           return one.param == NumberType::kBf16 ? "Bf16" : "Fp32";
                         });
INSTANTIATE_TEST_SUITE_P(Numbers, InferenceTest,
                         testing::Values(NumberType::kFloat, NumberType::kBf16),
                         [](const auto& one) {
                           return one.param == NumberType::kBf16 ? "Bf16" : "Fp32";
                         });

}  // namespace
}  // namespace dure::model::cuda
