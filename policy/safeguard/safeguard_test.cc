#include "policy/safeguard/safeguard.h"

#include <gmock/gmock.h>

#include "federation/round/testing.h"

namespace dure::safeguard {
namespace {

using ::testing::HasSubstr;

round::RunManifest Noisy(uint64_t dimension = 100'000) {
  round::RunManifest manifest = round::TestManifest();
  manifest.masking = round::Masking::kPairwise;
  manifest.weighting = round::Weighting::kEqual;
  manifest.lane = round::Lane::kInt16;
  manifest.quorum = 4;
  manifest.cohort_min = 4;
  manifest.cohort_max = 4;
  round::Privacy& p = manifest.privacy;
  p.noise = round::Noise::kDiscreteGaussian;
  p.clip = 2;
  p.coordinate_clip = 0.5;
  p.noise_multiplier = 1;
  p.rotate = true;
  p.dimension = dimension;
  p.delta = 1e-6;
  manifest.initial_scale = FittingScale(manifest);
  EXPECT_TRUE(manifest.Validate()) << manifest.Validate().error().message;
  return manifest;
}

TEST(Safeguards, AreNoneWithoutNoise) {
  const auto none = SafeguardsOf(round::TestManifest());
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->update || none->record);
  EXPECT_TRUE(std::isinf(EpsilonsOf(*none).record));
  EXPECT_TRUE(Sentences(*none, EpsilonsOf(*none)).empty());
}

TEST(Safeguards, CountOnlySitesThatSurelyStayAndDoNotCollude) {
  EXPECT_EQ(HonestShares(3, 3), 2u);
  EXPECT_EQ(HonestShares(4, 3), 2u);
  EXPECT_EQ(HonestShares(5, 3), 2u);
  EXPECT_EQ(HonestShares(5, 5), 3u);
  EXPECT_EQ(HonestShares(10, 3), 4u);
  const auto four = SafeguardsOf(Noisy());
  ASSERT_TRUE(four) << four.error().message;
  EXPECT_EQ(four->update->counted, 2u);
  // Two shares alone have the whole deviation that was asked for.
  const double deviation = std::sqrt(2.0 * static_cast<double>(four->update->plan.share_variance));
  EXPECT_GE(deviation, 1.0 * 2 * four->update->scale);
  // One sequence may turn the update around.
  EXPECT_GT(EpsilonsOf(*four).record, 1.9 * EpsilonsOf(*four).member);
  round::RunManifest ranging = Noisy();
  ranging.cohort_max = 30;
  EXPECT_EQ(SafeguardsOf(ranging)->update->counted, 2u);  // the worst of all sizes
}

TEST(Safeguards, RefuseAGridTooCoarseAndSayWhatWouldWork) {
  round::RunManifest manifest = Noisy();
  manifest.initial_scale *= 4;
  const auto refused = SafeguardsOf(manifest);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("times as long"));
  EXPECT_THAT(refused.error().message, HasSubstr("or more works"));
  for (const round::Lane lane : {round::Lane::kInt8, round::Lane::kInt4}) {
    manifest = Noisy();
    manifest.lane = lane;
    manifest.initial_scale = FittingScale(manifest);
    const auto narrow = SafeguardsOf(manifest);
    ASSERT_FALSE(narrow) << Name(lane);
    EXPECT_THAT(narrow.error().message, HasSubstr("wider lanes work"));
  }
}

TEST(Safeguards, HaveAScaleWhereverOneFits) {
  for (const double noise : {0.1, 1.0, 2.0, 3.0, 3.3}) {
    for (const uint64_t dimension : {1000UL, 20'000UL, 35'472UL, 100'000UL}) {
      round::RunManifest manifest = Noisy(dimension);
      manifest.privacy.noise_multiplier = noise;
      manifest.initial_scale = FittingScale(manifest);
      EXPECT_TRUE(SafeguardsOf(manifest))
          << noise << " " << dimension << ": " << SafeguardsOf(manifest).error().message;
    }
  }
}

TEST(Safeguards, SayThatNoiseOfFewMembersDestroysAModel) {
  const auto many = SafeguardsOf(Noisy(100'000));
  EXPECT_EQ(many->update->harm.verdict, privacy::Verdict::kDestroysTheModel);
  const auto lines = Sentences(*many, EpsilonsOf(*many));
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_THAT(lines[1], HasSubstr("a round would leave noise and no model"));
}

TEST(Safeguards, OfRecordsCountEachStep) {
  round::RunManifest manifest = round::TestManifest();
  manifest.rounds = 15;
  manifest.inner.steps = 150;
  manifest.privacy.record_clip = 1;
  manifest.privacy.record_noise = 1.5;
  manifest.privacy.record_rate = 0.04;
  manifest.privacy.delta = 1e-5;
  ASSERT_TRUE(manifest.Validate()) << manifest.Validate().error().message;
  const auto safeguards = SafeguardsOf(manifest);
  ASSERT_TRUE(safeguards) << safeguards.error().message;
  EXPECT_EQ(safeguards->record->charge.steps, 2250u);
  EXPECT_NEAR(EpsilonsOf(*safeguards).record, 6.7688, 0.002);  // privacy loss distribution
  EXPECT_TRUE(std::isinf(EpsilonsOf(*safeguards).member));
  EXPECT_EQ(safeguards->ChargeOfRecord(), safeguards->record->charge);
}

TEST(Safeguards, FindARecordThatSaysLessThanTheRunCosts) {
  const round::RunManifest manifest = Noisy();
  const auto safeguards = SafeguardsOf(manifest);
  const std::string honest = RecordedEpsilon(EpsilonsOf(*safeguards));
  EXPECT_TRUE(CheckRecorded(manifest, honest));
  EXPECT_TRUE(CheckRecorded(manifest, "999999.000000"));
  EXPECT_TRUE(CheckRecorded(manifest, ""));  // says that there is no bound
  for (const char* lie : {"0.100000", "1", "-5.000000", "1.00000x", "99999999.000000", "."}) {
    EXPECT_FALSE(CheckRecorded(manifest, lie)) << lie;
  }
}

TEST(Safeguards, ManifestsRefuseNoiseThatWouldNotHide) {
  const auto refusal = [](auto change) {
    round::RunManifest manifest = Noisy();
    change(manifest);
    const Status status = manifest.Validate();
    return status ? std::string() : status.error().message;
  };
  EXPECT_THAT(refusal([](auto& m) { m.masking = round::Masking::kNone; }), HasSubstr("masking"));
  EXPECT_THAT(refusal([](auto& m) { m.weighting = round::Weighting::kTokens; }),
              HasSubstr("equal weights"));
  EXPECT_THAT(refusal([](auto& m) { m.inner.seconds = 5; }), HasSubstr("no seconds"));
  EXPECT_THAT(refusal([](auto& m) { m.privacy.coordinate_clip = 3; }),
              HasSubstr("coordinate_clip"));
  EXPECT_THAT(refusal([](auto& m) { m.privacy.clip = std::nan(""); }), HasSubstr("clip"));
  EXPECT_THAT(refusal([](auto& m) { m.privacy.noise = round::Noise::kNone; }), HasSubstr("zero"));
  EXPECT_THAT(refusal([](auto& m) { m.privacy.delta = 0.5; }), HasSubstr("delta"));
  EXPECT_THAT(refusal([](auto& m) { m.privacy.record_clip = 1; }), HasSubstr("record_noise"));
}

TEST(Safeguards, StandInTheManifestsBytes) {
  const round::RunManifest manifest = Noisy();
  const auto parsed = round::RunManifest::Parse(manifest.Canonical());
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(*parsed, manifest);
  round::RunManifest louder = manifest;
  louder.privacy.noise_multiplier = 2;
  EXPECT_NE(louder.privacy.digest(), manifest.privacy.digest());
  EXPECT_TRUE(round::TestManifest().privacy.digest().IsZero());
}

}  // namespace
}  // namespace dure::safeguard
