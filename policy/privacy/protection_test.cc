#include "policy/privacy/protection.h"

#include <gmock/gmock.h>

#include <cmath>

#include "policy/privacy/accountant.h"

namespace dure::privacy {
namespace {

using ::testing::DoubleNear;
using ::testing::HasSubstr;

// An adapter of a million parameters, on a grid fine enough.
NoiseSettings Adapter() {
  NoiseSettings settings;
  settings.members = 12;
  settings.counted = 10;
  settings.dimension = 1'000'000;
  settings.noise_multiplier = 10;
  settings.clip = 1;
  settings.coordinate_clip = 0.01;
  settings.scale = 65536;
  settings.word_bits = 32;
  return settings;
}

TEST(NoisePlan, ChargesWhatItsMechanismCosts) {
  const NoisePlan plan = *PlanNoise(Adapter());
  EXPECT_LE(plan.inflation, kInflationMax);
  EXPECT_EQ(plan.share_variance, 42949672960u);  // (10 x 65536)^2 / 10
  EXPECT_EQ(plan.mechanism.distance, 0);
  const Charge charge{plan.mechanism, 100};
  EXPECT_THAT(EpsilonOf({&charge, 1}, 1e-5).epsilon, DoubleNear(4.75, 0.03));
}

TEST(NoisePlan, RefusesScalesWhoseRoundingInflatesTheNormAndSaysWhichDoNot) {
  NoiseSettings settings = Adapter();
  settings.dimension = 1'000'000'000;
  settings.scale = 4096;
  const auto refused = PlanNoise(settings);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("3.988 times as long"));
  const double needed = ScaleNeeded(settings.clip, settings.dimension);
  EXPECT_THAT(needed, DoubleNear(3.53 * std::sqrt(1e9), 0.01 * needed));
  settings.scale = needed * 1.0005;
  EXPECT_TRUE(PlanNoise(settings)) << PlanNoise(settings).error().message;
  settings.scale = needed * 0.999;
  EXPECT_FALSE(PlanNoise(settings));
  // Or fewer coordinates at the scale that was asked for.
  settings.scale = 4096;
  settings.dimension = DimensionMax(4096);
  EXPECT_TRUE(PlanNoise(settings));
  settings.dimension += 1;
  EXPECT_FALSE(PlanNoise(settings));
}

TEST(NoisePlan, RefusesSumsThatLeaveTheirWords) {
  NoiseSettings settings = Adapter();
  const int needed = PlanNoise(settings)->word_bits_needed;
  settings.word_bits = needed;
  EXPECT_TRUE(PlanNoise(settings));
  settings.word_bits = needed - 1;
  EXPECT_THAT(PlanNoise(settings).error().message,
              HasSubstr("needs words of " + std::to_string(needed) + " bits"));
}

TEST(NoisePlan, CountsTheNoiseIntoTheRoomOfALane) {
  NoiseSettings settings = Adapter();
  settings.noise_multiplier = 1;
  settings.dimension = 100'000;
  settings.coordinate_clip = 0.25;
  settings.lane_max = 32767;
  settings.scale = FittingScale(settings);
  const NoisePlan plan = *PlanNoise(settings);
  EXPECT_LE(plan.inflation, kInflationMax);
  // Ten deviations and the clipped coordinate.
  const double deviation = std::sqrt(static_cast<double>(plan.share_variance));
  EXPECT_GT(plan.lane_needed, settings.coordinate_clip * settings.scale + 9 * deviation);
  EXPECT_LE(plan.lane_needed, 32767);
  EXPECT_GT(plan.mechanism.distance, 0);
  settings.lane_max = 127;
  settings.scale = FittingScale(settings);
  EXPECT_THAT(PlanNoise(settings).error().message, HasSubstr("and a lane 127; wider lanes work"));
}

TEST(NoisePlan, ChargesTheDistanceOfWhatIsDrawnToDelta) {
  const auto epsilon = [](double distance) {
    IntegerNoise noise = PlanNoise(Adapter())->mechanism;
    noise.distance = distance;
    const Charge charge{noise, 100};
    return EpsilonOf({&charge, 1}, 1e-5).epsilon;
  };
  EXPECT_EQ(epsilon(1e-30), epsilon(0));
  EXPECT_GT(epsilon(2e-10), epsilon(0) * 1.005);
  EXPECT_TRUE(std::isinf(epsilon(1e-9)));  // 100 steps, e^5 each: more than delta
}

TEST(NoisePlan, KeepsSkellamToWhatItsTableHolds) {
  NoiseSettings settings = Adapter();
  settings.kind = NoiseKind::kSkellam;
  EXPECT_THAT(PlanNoise(settings).error().message,
              HasSubstr("discrete Gaussian noise goes further"));
  settings.dimension = 1000;
  settings.scale = 200;
  settings.coordinate_clip = 1;
  const NoisePlan plan = *PlanNoise(settings);
  EXPECT_EQ(plan.share_variance % 2, 0u);
  EXPECT_GT(plan.mechanism.distance, 0);
  EXPECT_LT(plan.mechanism.distance, 1e-18);
}

TEST(NoisePlan, CountsOnlyTheNoiseThatIsSureToBeThere) {
  NoiseSettings settings = Adapter();
  const uint64_t all = PlanNoise(settings)->share_variance;
  settings.counted = 5;
  const NoisePlan fewer = *PlanNoise(settings);
  EXPECT_NEAR(static_cast<double>(fewer.share_variance), 2.0 * static_cast<double>(all), 2);
  EXPECT_EQ(fewer.mechanism.shares, 5u);
}

TEST(NoisePlan, RefusesWhatIsNoSetting) {
  const auto taken = [](auto change) {
    NoiseSettings settings = Adapter();
    change(settings);
    return PlanNoise(settings).has_value();
  };
  EXPECT_FALSE(taken([](NoiseSettings& s) { s.counted = 13; }));
  EXPECT_FALSE(taken([](NoiseSettings& s) { s.counted = 0; }));
  EXPECT_FALSE(taken([](NoiseSettings& s) { s.clip = NAN; }));
  EXPECT_FALSE(taken([](NoiseSettings& s) { s.scale = INFINITY; }));
  EXPECT_FALSE(taken([](NoiseSettings& s) { s.noise_multiplier = -1; }));
  EXPECT_FALSE(taken([](NoiseSettings& s) { s.coordinate_clip = 2; }));
  EXPECT_FALSE(taken([](NoiseSettings& s) { s.dimension = 0; }));
  EXPECT_FALSE(taken([](NoiseSettings& s) { s.word_bits = 33; }));
}

TEST(Harm, SaysThatMemberLevelNoiseDestroysAWholeModel) {
  const Harm harm = HarmOf(10, 1'300'000'000, 1);
  EXPECT_THAT(harm.ratio, DoubleNear(3605, 1));
  EXPECT_EQ(harm.verdict, Verdict::kDestroysTheModel);
  EXPECT_THAT(harm.sentence, HasSubstr("With 10 members and 1300000000 parameters, noise of 1 clip "
                                       "norms is 3606 times as long"));
  EXPECT_THAT(harm.sentence, HasSubstr("noise and no model"));
  EXPECT_EQ(HarmOf(10, 25, 1).verdict, Verdict::kSlowsTheModel);
  EXPECT_EQ(HarmOf(100, 25, 1).verdict, Verdict::kKeepsTheModel);
  // As many members as it says bring the two to the same length.
  EXPECT_LE(HarmOf(static_cast<uint32_t>(HarmOf(10, 10000, 1).members_needed), 10000, 1).ratio, 1);
}

TEST(Promise, SaysWhatIsCoveredAndWhatIsNot) {
  EXPECT_THAT(PromiseOf(Unit::kExample, 2.3, 1e-6), HasSubstr("at most 9.974 times (epsilon 2.3)"));
  EXPECT_THAT(PromiseOf(Unit::kExample, 2.3, 1e-6), HasSubstr("does not cover somebody who is in"));
  EXPECT_THAT(PromiseOf(Unit::kMember, 1, 1e-6), HasSubstr("all that a member contributed"));
  EXPECT_THAT(PromiseOf(Unit::kMember, 80, 1e-6), HasSubstr("promises nothing"));
  EXPECT_THAT(PromiseOf(Unit::kMember, INFINITY, 1e-6),
              HasSubstr("An epsilon without bound promises nothing"));
}

}  // namespace
}  // namespace dure::privacy
