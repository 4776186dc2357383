#include "model/cpu/schedule.h"

#include <gmock/gmock.h>

#include <cmath>

namespace dure::model::cpu {
namespace {

using Kind = Schedule::Kind;

TEST(ScheduleTest, WarmsUpLinearlyAndReachesThePeak) {
  const Schedule s{.kind = Kind::kConstant, .peak = 1.0, .warmup_steps = 4};
  EXPECT_DOUBLE_EQ(LearningRate(s, 0), 0.25);
  EXPECT_DOUBLE_EQ(LearningRate(s, 3), 1.0);
  EXPECT_DOUBLE_EQ(LearningRate(s, 1000000), 1.0);
}

TEST(ScheduleTest, CosineFallsFromPeakOverTheMiddleToTheFloorAndStays) {
  const Schedule s{.kind = Kind::kCosine,
                   .peak = 2.0,
                   .warmup_steps = 10,
                   .total_steps = 110,
                   .final_fraction = 0.1};
  EXPECT_DOUBLE_EQ(LearningRate(s, 10), 2.0);
  EXPECT_NEAR(LearningRate(s, 60), 2.0 * 0.55, 1e-12);
  EXPECT_DOUBLE_EQ(LearningRate(s, 110), 0.2);
  EXPECT_DOUBLE_EQ(LearningRate(s, 5000), 0.2);
}

TEST(ScheduleTest, WsdIsStableThenFallsLinearly) {
  const Schedule s{.kind = Kind::kWsd,
                   .peak = 1.0,
                   .warmup_steps = 2,
                   .total_steps = 20,
                   .decay_steps = 10,
                   .final_fraction = 0.0};
  EXPECT_DOUBLE_EQ(LearningRate(s, 10), 1.0);
  EXPECT_DOUBLE_EQ(LearningRate(s, 15), 0.5);
  EXPECT_DOUBLE_EQ(LearningRate(s, 20), 0.0);
}

TEST(ScheduleTest, TheSumIsTheSumOfItsSteps) {
  const Schedule s{.kind = Kind::kConstant, .peak = 1.0, .warmup_steps = 2};
  EXPECT_DOUBLE_EQ(LearningRateSum(s, 0, 4), 0.5 + 1 + 1 + 1);
  EXPECT_DOUBLE_EQ(LearningRateSum(s, 4, 4), 0.0);
}

TEST(ScheduleTest, RefusesWhatHasNoMeaning) {
  EXPECT_FALSE(Validate(Schedule{.peak = std::nan("")}));
  EXPECT_FALSE(Validate(Schedule{.peak = -1}));
  EXPECT_FALSE(Validate(Schedule{.kind = Kind::kCosine, .warmup_steps = 5, .total_steps = 5}));
  EXPECT_FALSE(Validate(
      Schedule{.kind = Kind::kWsd, .warmup_steps = 5, .total_steps = 9, .decay_steps = 5}));
  EXPECT_FALSE(Validate(Schedule{.final_fraction = 1.5}));
  EXPECT_TRUE(Validate(Schedule{}));
}

}  // namespace
}  // namespace dure::model::cpu
