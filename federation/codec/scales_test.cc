#include "federation/codec/scales.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "federation/codec/encode.h"

namespace dure::codec {
namespace {

using testing::Each;
using testing::FloatNear;

constexpr uint64_t kCount = 3 * kBlockParameters + 10;

ScaleEvidence Evidence(std::span<const uint64_t> squares, uint32_t sites) {
  return {Lane::kInt8, sites, sites * kWeightOne, kCount, squares};
}

TEST(Scales, AreRefusedUnlessPositiveFiniteAndOneABlock) {
  EXPECT_TRUE(UniformScales(kCount, 1.0F));
  std::vector<float> scales = UniformScales(kCount, 1.0F).value();
  ASSERT_EQ(scales.size(), 4u);
  EXPECT_TRUE(CheckScales(scales, kCount));
  EXPECT_FALSE(CheckScales(scales, kCount + 1024));
  EXPECT_FALSE(CheckScales({}, kCount));
  for (const float bad : {0.0F, -1.0F, 1e-13F, 1e13F, std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::quiet_NaN()}) {
    EXPECT_FALSE(UniformScales(kCount, bad));
    scales[3] = bad;
    EXPECT_FALSE(CheckScales(scales, kCount));
    EXPECT_FALSE(ParseScales(SerializeScales(scales), kCount));
  }
}

TEST(Scales, SurviveTheirBytesAndNothingElseParses) {
  const std::vector<float> scales{1.0F, 0.25F, 3e-7F, 1e5F};
  const Bytes bytes = SerializeScales(scales);
  EXPECT_EQ(ParseScales(bytes, kCount).value(), scales);
  EXPECT_FALSE(ParseScales(ByteView(bytes).first(15), kCount));
  EXPECT_FALSE(ParseScales(bytes, kCount + 1024));
  EXPECT_FALSE(ParseScales({}, 0));
}

// One site of full weight whose sums are all q: the mean's root mean square is q*s/L.
TEST(NextScales, AreSixTimesTheRootMeanSquareOfOneUpdate) {
  const std::vector<float> scales(4, 1.0F);
  std::vector<uint64_t> squares;
  for (const uint64_t n : {1024u, 1024u, 1024u, 10u}) squares.push_back(n * 20 * 20);
  EXPECT_THAT(NextScales(scales, Evidence(squares, 1)).value(),
              Each(FloatNear(6.0F * 20 / 127, 1e-6F)));
  // Four nearly orthogonal updates average to sqrt(1.3/4) of one's length.
  const float four = 6.0F * (20.0F / 4 / 127) * std::sqrt(4 / 1.3F);
  EXPECT_THAT(NextScales(scales, Evidence(squares, 4)).value(), Each(FloatNear(four, 1e-6F)));
}

TEST(NextScales, LeaveWiderLanesRoomForOutliers) {
  const std::vector<float> scales(4, 1.0F);
  std::vector<uint64_t> squares;
  for (const uint64_t n : {1024u, 1024u, 1024u, 10u}) squares.push_back(n * 400 * 400);
  ScaleEvidence evidence = Evidence(squares, 1);
  evidence.lane = Lane::kInt16;
  EXPECT_THAT(NextScales(scales, evidence).value(), Each(FloatNear(64.0F * 400 / 32767, 1e-5F)));
}

TEST(NextScales, MoveByAtMostAFactorOfFourARound) {
  const std::vector<float> scales(4, 1.0F);
  std::vector<uint64_t> squares{0, 1024 * 127 * 127, 1024 * 127 * 127, 0};
  const std::vector<float> next = NextScales(scales, Evidence(squares, 1)).value();
  EXPECT_EQ(next[1], 4.0F);
  EXPECT_GE(next[0], 0.25F);
  std::vector<uint64_t> nothing(4, 0);
  EXPECT_THAT(NextScales(scales, Evidence(nothing, 1)).value(), Each(0.25F));
  const std::vector<float> least(4, kScaleMin);
  EXPECT_THAT(NextScales(least, Evidence(nothing, 1)).value(), Each(kScaleMin));
  const std::vector<float> most(4, kScaleMax);
  EXPECT_THAT(NextScales(most, Evidence({squares}, 1)).value()[1], kScaleMax);
}

TEST(NextScales, KeepASleepingBlockWithinReach) {
  std::vector<float> scales(4, 1.0F);
  const std::vector<uint64_t> squares{0, 1024 * 400, 1024 * 400, 10 * 400};
  for (int round = 0; round < 30; ++round) {
    scales = NextScales(scales, Evidence(squares, 1)).value();
    // Keep the others where they are: the sums' meaning changes with the scale.
    scales[1] = scales[2] = scales[3] = 1.0F;
  }
  EXPECT_GT(scales[0], 6.0F * 20 / 127 / 16 * 0.8F);
  EXPECT_LT(scales[0], 6.0F * 20 / 127 / 16);
}

TEST(NextScales, RefuseEvidenceThatDoesNotFit) {
  const std::vector<float> scales(4, 1.0F);
  const std::vector<uint64_t> squares(4, 1);
  EXPECT_FALSE(NextScales(scales, Evidence(std::span(squares).first(3), 1)));
  EXPECT_FALSE(NextScales(scales, Evidence(squares, 0)));
  EXPECT_FALSE(NextScales(scales, Evidence(squares, 1000)));
  ScaleEvidence evidence = Evidence(squares, 2);
  evidence.weight_sum = 2 * kWeightOne + 1;
  EXPECT_FALSE(NextScales(scales, evidence));
  evidence.weight_sum = 0;
  EXPECT_FALSE(NextScales(scales, evidence));
}

TEST(Weights, AreFloorsOfTokensOverTheReference) {
  EXPECT_EQ(WeightOf(1000, 1000).value(), kWeightOne);
  EXPECT_EQ(WeightOf(5000, 1000).value(), kWeightOne);
  EXPECT_EQ(WeightOf(1, 3).value(), kWeightOne / 3);
  EXPECT_EQ(WeightOf(1, UINT64_MAX).value(), 1u);
  EXPECT_EQ(WeightOf(UINT64_MAX / 2, UINT64_MAX).value(), kWeightOne / 2 - 1);
  EXPECT_FALSE(WeightOf(0, 10));
  EXPECT_FALSE(WeightOf(10, 0));
}

}  // namespace
}  // namespace dure::codec
