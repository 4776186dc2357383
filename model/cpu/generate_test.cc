#include "model/cpu/generate.h"

#include <gmock/gmock.h>

#include "model/cpu/gradient_check.h"
#include "model/cpu/reference_model.h"
#include "model/cpu/sampling.h"
#include "model/initialize.h"

namespace dure::model::cpu {
namespace {

LlamaConfig Model() {
  return {.vocab = 29,
          .dim = 24,
          .layers = 2,
          .heads = 4,
          .kv_heads = 2,
          .ffn_dim = 20,
          .context = 90,
          .tie_embeddings = false,
          .bos_id = 1,
          .eos_id = 2};
}

std::vector<float> Weights() {
  const uint64_t count = LlamaLayout(Model()).parameter_count();
  return SomeFloats(count, 4);
}

std::vector<uint32_t> Prompt(size_t n) {
  std::vector<uint32_t> tokens;
  for (size_t i = 0; i < n; ++i) tokens.push_back(static_cast<uint32_t>(i * i % 29));
  return tokens;
}

TEST(GenerateTest, CachedLogitsAreThoseOfTheReferenceHoweverTheTokensCome) {
  const std::vector<float> weights = Weights();
  const std::vector<uint32_t> tokens = Prompt(80);
  const ReferenceModel reference(Model(), {weights.begin(), weights.end()});
  const ReferenceModel::Rows expected = reference.Logits(tokens);
  const auto generator = std::move(*Generator::Create(Model(), weights));
  // At once (more than a block), in pieces, and one by one.
  for (const size_t piece : {80u, 7u, 1u}) {
    generator->Reset();
    for (size_t at = 0; at < tokens.size(); at += piece) {
      const size_t n = std::min(piece, tokens.size() - at);
      const auto logits = generator->Advance(std::span(tokens).subspan(at, n));
      ASSERT_TRUE(logits);
      for (size_t i = 0; i < 29; ++i) {
        ASSERT_NEAR((*logits)[i], expected[at + n - 1][i], 1e-3) << at << " piece " << piece;
      }
    }
  }
}

TEST(GenerateTest, GreedyTokensAreTheMostLikelyOfTheModelWithoutCache) {
  const std::vector<float> weights = Weights();
  const auto generator = std::move(*Generator::Create(Model(), weights));
  const GenerateOptions options{.tokens_max = 12, .stop_at_eos = false};
  const auto made = generator->Generate(Prompt(3), options);
  ASSERT_TRUE(made);
  ASSERT_EQ(made->size(), 12u);
  const ReferenceModel reference(Model(), {weights.begin(), weights.end()});
  std::vector<uint32_t> all = Prompt(3);
  for (const uint32_t token : *made) {
    const std::vector<double> logits = reference.Logits(all).back();
    EXPECT_EQ(token, std::max_element(logits.begin(), logits.end()) - logits.begin());
    all.push_back(token);
  }
}

TEST(GenerateTest, TheSameSeedGivesTheSameTokensAndAnotherSeedOthers) {
  const std::vector<float> weights = Weights();
  const auto generator = std::move(*Generator::Create(Model(), weights));
  GenerateOptions options{.tokens_max = 30, .temperature = 5.0, .seed = 1, .stop_at_eos = false};
  const auto first = generator->Generate(Prompt(3), options);
  const auto again = generator->Generate(Prompt(3), options);
  options.seed = 2;
  const auto other = generator->Generate(Prompt(3), options);
  EXPECT_EQ(*first, *again);
  EXPECT_NE(*first, *other);
}

TEST(GenerateTest, StopsAtTheContextAtTheEndTokenAndWhenTold) {
  const std::vector<float> weights = Weights();
  const auto generator = std::move(*Generator::Create(Model(), weights));
  GenerateOptions options{.tokens_max = 1000, .temperature = 1e3, .stop_at_eos = false};
  // 88 tokens read, two more fit, and the third is made from the full context.
  EXPECT_EQ(generator->Generate(Prompt(88), options)->size(), 3u);
  size_t seen = 0;
  const auto stopped =
      generator->Generate(Prompt(2), options, [&](uint32_t) { return ++seen < 4; });
  EXPECT_EQ(stopped->size(), 4u);
  options.stop_at_eos = true;
  EXPECT_THAT(*generator->Generate(Prompt(2), options), testing::Not(testing::Contains(2u)));
}

TEST(GenerateTest, RefusesAnEmptyPromptForeignTokensAndTooMany) {
  const std::vector<float> weights = Weights();
  const auto generator = std::move(*Generator::Create(Model(), weights));
  EXPECT_EQ(generator->Generate({}, {}).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(generator->Advance(std::vector<uint32_t>{29}).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(generator->Advance(Prompt(91)).error().code, ErrorCode::kExhausted);
  EXPECT_FALSE(Generator::Create(Model(), std::span(weights).first(5)));
}

TEST(SamplingTest, KeepsOnlyTheMostLikelyAndFollowsTheChance) {
  const std::vector<float> logits = {0.0f, 3.0f, 1.0f, 2.0f};
  EXPECT_EQ(Sample(logits, {}), 1u);
  EXPECT_EQ(Sample(logits, {.temperature = 1.0, .top_k = 1, .uniform = 0.999}), 1u);
  EXPECT_EQ(Sample(logits, {.temperature = 1.0, .top_k = 2, .uniform = 0.999}), 3u);
  EXPECT_EQ(Sample(logits, {.temperature = 1.0, .top_k = 2, .uniform = 0.0}), 1u);
  EXPECT_EQ(Sample(logits, {.temperature = 1.0, .uniform = 0.0}), 0u);
}

}  // namespace
}  // namespace dure::model::cpu
