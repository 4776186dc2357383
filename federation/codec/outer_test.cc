#include "federation/codec/outer.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <vector>

#include "federation/codec/encode.h"
#include "federation/codec/merge.h"
#include "federation/random.h"

namespace dure::codec {
namespace {

float AnyUpTo(SeededRandom& random, float most) {
  return most * static_cast<float>(static_cast<double>(random.Below(1u << 24)) / (1 << 23) - 1.0);
}

TEST(OuterOptimizer, IsCheckedAndNaNFails) {
  EXPECT_TRUE(Check(OuterOptimizer{}));
  EXPECT_TRUE(Check(OuterOptimizer::FedAvg()));
  for (const double bad : {0.0, -1.0, 11.0, std::nan("")}) EXPECT_FALSE(Check({bad, 0.9}));
  for (const double bad : {-0.1, 1.0, std::nan("")}) EXPECT_FALSE(Check({0.7, bad}));
}

TEST(OuterStep, GivesTheTrainedWeightsBackForOneSiteAndAnExactMean) {
  SeededRandom random(1);
  std::vector<float> base, trained, model(5000);
  std::vector<double> mean;
  for (int i = 0; i < 5000; ++i) {
    const float size = std::ldexp(1.0F, static_cast<int>(random.Below(20)) - 15);
    base.push_back(AnyUpTo(random, 1.0F));
    trained.push_back(base.back() + AnyUpTo(random, size));
    mean.push_back(static_cast<double>(base.back()) - static_cast<double>(trained.back()));
  }
  ASSERT_TRUE(OuterStep(OuterOptimizer::FedAvg(), mean, {base, {}}, {model, {}}));
  EXPECT_EQ(model, trained);
}

TEST(OuterStep, IsNesterovAsPyTorchWritesIt) {
  const std::vector<float> base{1.0F, -2.0F};
  const std::vector<double> mean{0.5, 0.25};
  std::vector<float> model(2), momentum(2), model2(2), momentum2(2);
  ASSERT_TRUE(OuterStep({0.5, 0.5}, mean, {base, {}}, {model, momentum}));
  EXPECT_THAT(momentum, testing::ElementsAre(0.5F, 0.25F));    // first step: v = mean
  EXPECT_THAT(model, testing::ElementsAre(0.625F, -2.1875F));  // t - 0.5*(mean + 0.5 v)
  ASSERT_TRUE(OuterStep({0.5, 0.5}, mean, {model, momentum}, {model2, momentum2}));
  EXPECT_THAT(momentum2, testing::ElementsAre(0.75F, 0.375F));  // 0.5 v + mean
  EXPECT_THAT(model2, testing::ElementsAre(0.1875F, -2.40625F));
}

TEST(OuterStep, RefusesResultsThatAreNotFinite) {
  std::vector<float> model(1), momentum(1);
  const std::vector<float> one{1.0F}, huge{3e38F};
  const std::vector<float> nan{std::numeric_limits<float>::quiet_NaN()};
  const std::vector<double> big{-3e38}, none{0.0};
  EXPECT_FALSE(OuterStep({1.0, 0.0}, big, {huge, {}}, {model, {}}));
  EXPECT_FALSE(OuterStep({1.0, 0.0}, none, {nan, {}}, {model, {}}));
  EXPECT_FALSE(OuterStep({1.0, 0.5}, none, {one, nan}, {model, momentum}));
  EXPECT_TRUE(OuterStep({1.0, 0.5}, none, {one, one}, {model, momentum}));
}

// Weighted sums through lanes and planes give the weighted mean of the updates, within the grid.
TEST(OuterStepRange, MovesByTheWeightedMeanOfTheUpdates) {
  constexpr size_t kCount = 3 * kBlockParameters + 77;
  for (const Lane lane : {Lane::kInt4, Lane::kInt8, Lane::kInt16}) {
    SeededRandom random(8);
    const std::vector<uint64_t> weights{kWeightOne, kWeightOne / 2, kWeightOne / 10};
    const uint64_t weight_sum = weights[0] + weights[1] + weights[2];
    const std::vector<float> scales(BlockCount(kCount), 0.01F);
    std::vector<float> base(kCount);
    for (float& value : base) value = AnyUpTo(random, 1.0F);
    std::vector<double> wanted(kCount);
    std::vector<Bytes> lanes;
    for (size_t site = 0; site < weights.size(); ++site) {
      std::vector<float> trained(kCount), residual(kCount);
      for (size_t i = 0; i < kCount; ++i) {
        trained[i] = base[i] + AnyUpTo(random, 0.01F);
        wanted[i] += static_cast<double>(weights[site]) *
                     (static_cast<double>(base[i]) - trained[i]) / static_cast<double>(weight_sum);
      }
      Bytes values(kCount * LaneBytes(lane));
      ASSERT_TRUE(EncodeRange({lane, weights[site], site}, 0, {base, trained, {}, scales},
                              {values, residual}));
      lanes.emplace_back(PackedBytes(lane, kCount));
      PackLanes(lane, values, lanes.back());
    }
    const AggregateLayout layout = AggregateLayout::Make(lane, 3, kCount).value();
    Bytes planes(layout.bytes());
    std::vector<uint64_t> merged_squares(scales.size()), squares(scales.size());
    const std::vector<ByteView> views(lanes.begin(), lanes.end());
    ASSERT_TRUE(MergeSegment(layout, 0, views, {planes, merged_squares}));
    std::vector<float> model(kCount);
    ASSERT_TRUE(OuterStepRange(layout, OuterOptimizer::FedAvg(),
                               {PlanesOf(layout, planes, {0, kCount}), scales, weight_sum},
                               {base, {}}, {model, {}}, squares));
    EXPECT_EQ(squares, merged_squares);
    const double omega = static_cast<double>(weight_sum) / static_cast<double>(kWeightOne);
    const double grid = 3 * 0.01 / (LaneMax(lane) * omega);
    for (size_t i = 0; i < kCount; ++i) {
      ASSERT_NEAR(model[i], static_cast<double>(base[i]) - wanted[i], grid + 1e-7) << i;
    }
  }
}

}  // namespace
}  // namespace dure::codec
