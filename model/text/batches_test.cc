#include "model/text/batches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace dure::text {
namespace {

using ::testing::ElementsAre;

std::vector<uint32_t> Stream(size_t count) {
  std::vector<uint32_t> tokens(count);
  for (size_t i = 0; i < count; ++i) tokens[i] = 3 + static_cast<uint32_t>(i % 256);
  return tokens;
}

TEST(TokenSource, TargetsFollowInputs) {
  const Tokenizer tokenizer = Tokenizer::Bytes();
  const auto tokens = Stream(1000);
  TokenSource source(tokens, tokenizer, 1);
  Batch batch;
  source.Next(4, 16, &batch);
  ASSERT_EQ(batch.inputs.size(), 64u);
  for (size_t i = 0; i < 64; ++i) EXPECT_EQ((batch.inputs[i] - 3 + 1) % 256 + 3, batch.targets[i]);
  EXPECT_EQ(batch.bytes, 64u);
}

TEST(TokenSource, AnEpochVisitsEverySequenceOnce) {
  const Tokenizer tokenizer = Tokenizer::Bytes();
  std::vector<uint32_t> tokens(201);
  std::iota(tokens.begin(), tokens.end(), 3u);
  for (uint64_t seed = 0; seed < 20; ++seed) {
    TokenSource source(tokens, tokenizer, seed);
    std::map<uint32_t, int> firsts;
    Batch batch;
    while (source.cursor().epoch == 0) {
      source.Next(1, 10, &batch);
      ++firsts[batch.inputs[0]];
    }
    EXPECT_GE(firsts.size(), 19u);
    for (const auto& [first, times] : firsts) EXPECT_EQ(times, 1) << first;
  }
}

TEST(TokenSource, ResumedIsTheSameAsNeverStopped) {
  const Tokenizer tokenizer = Tokenizer::Bytes();
  const auto tokens = Stream(777);
  TokenSource whole(tokens, tokenizer, 5);
  Batch expected, actual;
  for (int i = 0; i < 100; ++i) {
    TokenSource resumed(tokens, tokenizer, 5);
    resumed.Seek(whole.cursor());
    whole.Next(3, 16, &expected);
    resumed.Next(3, 16, &actual);
    ASSERT_EQ(expected.inputs, actual.inputs);
    ASSERT_EQ(expected.targets, actual.targets);
    ASSERT_EQ(whole.cursor(), resumed.cursor());
  }
  EXPECT_GE(whole.cursor().epoch, 5u);
}

TEST(TokenSource, OrderDependsOnSeedAndEpoch) {
  const Tokenizer tokenizer = Tokenizer::Bytes();
  const auto tokens = Stream(5000);
  const auto first_batch = [&](uint64_t seed, uint64_t epoch) {
    TokenSource source(tokens, tokenizer, seed);
    source.Seek({epoch, 0});
    Batch batch;
    source.Next(8, 16, &batch);
    return batch.inputs;
  };
  EXPECT_EQ(first_batch(1, 0), first_batch(1, 0));
  EXPECT_NE(first_batch(1, 0), first_batch(2, 0));
  EXPECT_NE(first_batch(1, 0), first_batch(1, 1));
}

TEST(TokenSource, PadsAStreamShorterThanASequence) {
  const Tokenizer tokenizer = Tokenizer::Bytes();
  const std::vector<uint32_t> tokens = {0, 68, 69, 1};
  TokenSource source(tokens, tokenizer, 1);
  Batch batch;
  source.Next(1, 6, &batch);
  EXPECT_THAT(batch.inputs, ElementsAre(0, 68, 69, 1, 2, 2));
  EXPECT_THAT(batch.targets, ElementsAre(68, 69, 1, kNotPredicted, kNotPredicted, kNotPredicted));
  EXPECT_EQ(batch.bytes, 2u);
  EXPECT_EQ(batch.tokens, 3u);
}

TEST(TokenSource, DoesNotPredictTheBosBehindADocument) {
  const Tokenizer tokenizer = Tokenizer::Bytes();
  const std::vector<uint32_t> tokens = {0, 68, 1, 0, 69, 1};
  TokenSource source(tokens, tokenizer, 1);
  Batch batch;
  source.Next(1, 5, &batch);
  EXPECT_THAT(batch.targets, ElementsAre(68, 1, kNotPredicted, 69, 1));
}

TEST(Evaluation, PredictsEveryTokenButTheFirstOnce) {
  const Tokenizer tokenizer = Tokenizer::Bytes();
  for (const size_t count : {2u, 3u, 10u, 11u, 12u, 100u}) {
    const auto tokens = Stream(count);
    uint64_t predicted = 0;
    const uint64_t sequences = EvaluationSequenceCount(tokens, 5);
    for (uint64_t i = 0; i < sequences; ++i) {
      Batch batch;
      EvaluationBatch(tokens, tokenizer, i, 1, 5, &batch);
      EXPECT_GT(batch.tokens, 0u);
      predicted += batch.tokens;
    }
    EXPECT_EQ(predicted, count - 1);
  }
}

TEST(Records, AreWindowsThatDoNotOverlapAndSampledOneByOne) {
  const Tokenizer tokenizer = Tokenizer::Bytes();
  std::vector<uint32_t> tokens(10 * 9 + 5);
  for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<uint32_t>(i % 200);
  ASSERT_EQ(RecordCount(tokens, 8), 10u);
  Batch whole;
  const std::vector<uint64_t> two = {3, 7};
  RecordBatch(tokens, tokenizer, two, 8, &whole);
  ASSERT_EQ(whole.inputs.size(), 16u);
  EXPECT_EQ(whole.inputs[0], tokens[27]);
  EXPECT_EQ(whole.targets[7], tokens[35]);
  // A change in one record changes no other.
  for (size_t i = 27; i < 36; ++i) tokens[i] = 5;
  Batch changed;
  RecordBatch(tokens, tokenizer, std::vector<uint64_t>{2, 4, 7}, 8, &changed);
  Batch before;
  for (size_t i = 27; i < 36; ++i) tokens[i] = static_cast<uint32_t>(i % 200);
  RecordBatch(tokens, tokenizer, std::vector<uint64_t>{2, 4, 7}, 8, &before);
  EXPECT_EQ(changed.inputs, before.inputs);
  EXPECT_EQ(changed.targets, before.targets);
  // A stream that is shorter than a window is one record.
  const std::vector<uint32_t> short_stream = {1, 2, 3};
  EXPECT_EQ(RecordCount(short_stream, 8), 1u);
  RecordBatch(short_stream, tokenizer, std::vector<uint64_t>{0}, 8, &whole);
  EXPECT_EQ(whole.tokens, 2u);
}

TEST(Records, AreDrawnWithTheirRateAndIndependently) {
  SeededRandom random(3);
  uint64_t drawn = 0;
  uint64_t both = 0;
  constexpr uint64_t kCount = 1000;
  constexpr int kTimes = 400;
  for (int i = 0; i < kTimes; ++i) {
    const std::vector<uint64_t> sample = PoissonSample(kCount, 0.1, random);
    EXPECT_TRUE(std::is_sorted(sample.begin(), sample.end()));
    drawn += sample.size();
    const auto has = [&](uint64_t one) { return std::ranges::binary_search(sample, one); };
    both += has(10) && has(11) ? 1U : 0U;
  }
  EXPECT_NEAR(static_cast<double>(drawn) / kTimes, 100, 5 * std::sqrt(90.0 / kTimes));
  EXPECT_LE(both, 20u);  // 4 expected
  EXPECT_EQ(PoissonSample(5, 1, random).size(), 5u);
}

}  // namespace
}  // namespace dure::text
