#include "federation/token_bucket.h"

#include <gtest/gtest.h>

namespace dure {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr Duration kStart = hours(500'000);

TEST(TokenBucket, StartsFullAndFillsAgainUpToItsSize) {
  TokenBucket bucket(4, seconds(40));
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(bucket.Take(1, kStart));
  EXPECT_FALSE(bucket.Take(1, kStart));
  EXPECT_EQ(bucket.Wait(1, kStart), seconds(10));
  EXPECT_FALSE(bucket.Take(1, kStart + seconds(9)));
  EXPECT_TRUE(bucket.Take(1, kStart + seconds(11))) << "asking took of it";
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(bucket.Take(1, kStart + hours(1)));
  EXPECT_FALSE(bucket.Take(1, kStart + hours(1))) << "it holds more than full";
}

TEST(TokenBucket, TakesAllThatIsAskedForOrNothing) {
  TokenBucket bucket(10, seconds(10));
  EXPECT_TRUE(bucket.Take(8, kStart));
  EXPECT_FALSE(bucket.Take(3, kStart));
  EXPECT_TRUE(bucket.Take(2, kStart));
}

TEST(TokenBucket, IsFilledByNoClockThatGoesBackAndForNoneThatRanAheadForEver) {
  TokenBucket bucket(1, seconds(10));
  EXPECT_TRUE(bucket.Take(1, kStart + hours(9000)));
  EXPECT_FALSE(bucket.Take(1, kStart));
  EXPECT_TRUE(bucket.Take(1, kStart + seconds(11)));
}

}  // namespace
}  // namespace dure
