#include "trainer/memory.h"

#include <gmock/gmock.h>

namespace dure::trainer {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr uint64_t kMiB = 1 << 20;

TEST(Memory, RefusesWhatTheMachineCannotGiveAndSaysHowMuch) {
  EXPECT_TRUE(CheckMemory(100 * kMiB, 1, {.free_bytes = 100 * kMiB}));
  const Status refused = CheckMemory(101 * kMiB, 1, {.free_bytes = 100 * kMiB});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kExhausted);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr("needs 101 MiB"),
                                             HasSubstr("has 100 MiB free"), HasSubstr("--zero")));
}

TEST(Memory, CountsEveryRankOfTheMachine) {
  EXPECT_TRUE(CheckMemory(25 * kMiB, 4, {.free_bytes = 100 * kMiB}));
  const Status refused = CheckMemory(26 * kMiB, 4, {.free_bytes = 100 * kMiB});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("for each of 4 ranks"));
}

TEST(Memory, KeepsToTheLimitOfTheProcess) {
  EXPECT_FALSE(CheckMemory(51 * kMiB, 1, {.free_bytes = 100 * kMiB, .limit_bytes = 50 * kMiB}));
  EXPECT_TRUE(CheckMemory(50 * kMiB, 1, {.free_bytes = 100 * kMiB, .limit_bytes = 50 * kMiB}));
}

TEST(Memory, WhatIsNotKnownIsNoObstacle) { EXPECT_TRUE(CheckMemory(1u << 31, 2, {})); }

}  // namespace
}  // namespace dure::trainer
