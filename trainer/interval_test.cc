#include "trainer/interval.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace dure::trainer {
namespace {

// Losses around two nats a byte, some more and some less, as far apart as `spread`.
std::vector<SequenceLoss> LossesOf(size_t count, double spread) {
  std::vector<SequenceLoss> losses;
  for (size_t i = 0; i < count; ++i) {
    const double off = (static_cast<double>(i * 7919 % count) / static_cast<double>(count)) - 0.5;
    losses.push_back({(2 + spread * off) * 400, 400});
  }
  return losses;
}

TEST(IntervalOfMean, IsTheSameForTheSameSeedAndAnotherForAnother) {
  const auto losses = LossesOf(200, 1);
  const auto once = IntervalOfMean(losses, 1000, 7);
  const auto again = IntervalOfMean(losses, 1000, 7);
  const auto other = IntervalOfMean(losses, 1000, 8);
  ASSERT_TRUE(once && again && other);
  EXPECT_EQ(once->low, again->low);
  EXPECT_EQ(once->high, again->high);
  EXPECT_NE(once->low, other->low);
}

// Against the normal approximation: 1.96 standard errors on either side.
TEST(IntervalOfMean, IsAsWideAsTheNormalOneWhereThatHolds) {
  for (const size_t count : {100, 400, 1600}) {
    const auto losses = LossesOf(count, 1);
    const auto interval = IntervalOfMean(losses, 4000, 1);
    ASSERT_TRUE(interval);
    const double deviation = 1 / std::sqrt(12.0);
    const double half = 1.96 * deviation / std::sqrt(static_cast<double>(count));
    EXPECT_NEAR((interval->high - interval->low) / (2 * half), 1, 0.06) << count;
    EXPECT_NEAR((interval->high + interval->low) / 2, 2, half / 5) << count;
  }
}

// The mean is of bytes, not of sequences: a short one counts for less.
TEST(IntervalOfMean, WeighsSequencesByTheirText) {
  std::vector<SequenceLoss> losses = LossesOf(300, 0);
  for (size_t i = 0; i < 300; ++i) losses.push_back({400, 40});  // ten nats a byte, of few bytes
  const auto interval = IntervalOfMean(losses, 1000, 1);
  ASSERT_TRUE(interval);
  const double mean = (300 * 800.0 + 300 * 400.0) / (300 * 440.0);
  EXPECT_LT(interval->low, mean);
  EXPECT_GT(interval->high, mean);
  EXPECT_LT(interval->high, 4);
}

TEST(IntervalOfMean, IsNoneWhereNothingCanBeTold) {
  EXPECT_FALSE(IntervalOfMean({}, 1000, 1));
  EXPECT_FALSE(IntervalOfMean(LossesOf(1, 1), 1000, 1));
  EXPECT_FALSE(IntervalOfMean(LossesOf(2, 1), 0, 1));
  EXPECT_FALSE(IntervalOfMean(std::vector<SequenceLoss>{{1, 0}, {2, 0}}, 1000, 1));
}

}  // namespace
}  // namespace dure::trainer
