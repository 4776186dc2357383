#include "federation/codec/encode.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <vector>

#include "federation/random.h"

namespace dure::codec {
namespace {

struct Encoded {
  Bytes lanes;
  std::vector<float> residual;
  EncodeStats stats;
};

struct Update {
  std::vector<float> base;
  std::vector<float> trained;
  std::vector<float> residual;
  std::vector<float> scales;
};

float Uniform(SeededRandom& random, float most) {
  return most * static_cast<float>(static_cast<double>(random.Below(1u << 24)) / (1 << 23) - 1.0);
}

Update SomeUpdate(uint64_t seed, size_t count, float size) {
  SeededRandom random(seed);
  Update update;
  for (size_t i = 0; i < count; ++i) {
    update.base.push_back(Uniform(random, 1.0F));
    update.trained.push_back(update.base.back() - Uniform(random, size));
  }
  update.scales.assign(BlockCount(count), size);
  return update;
}

Result<Encoded> Encode(const EncodeParameters& parameters, const Update& update,
                       uint64_t first = 0) {
  Encoded out;
  out.lanes.resize(update.base.size() * LaneBytes(parameters.lane));
  out.residual.resize(update.base.size());
  DURE_ASSIGN(out.stats, EncodeRange(parameters, first,
                                     {update.base, update.trained, update.residual, update.scales},
                                     {out.lanes, out.residual}));
  return out;
}

int32_t LaneAt(const Encoded& encoded, Lane lane, size_t i) {
  if (LaneBytes(lane) == 1) return static_cast<int8_t>(encoded.lanes[i]);
  return static_cast<int16_t>(encoded.lanes[2 * i] | encoded.lanes[2 * i + 1] << 8);
}

TEST(Encode, CarriesTheUpdateWithinOneStepOfTheGrid) {
  for (const Lane lane : {Lane::kInt4, Lane::kInt8, Lane::kInt16}) {
    for (const uint64_t weight : {kWeightOne, kWeightOne / 3, kWeightOne / 100}) {
      const Update update = SomeUpdate(1, 2500, 0.01F);
      const Encoded encoded = Encode({lane, weight, 5}, update).value();
      const double omega = static_cast<double>(weight) / static_cast<double>(kWeightOne);
      const double step = 0.01 / (LaneMax(lane) * omega);
      for (size_t i = 0; i < update.base.size(); ++i) {
        const double wanted = static_cast<double>(update.base[i]) - update.trained[i];
        EXPECT_NEAR(LaneAt(encoded, lane, i) * step, wanted, step * 1.001);
        EXPECT_NEAR(encoded.residual[i], wanted - LaneAt(encoded, lane, i) * step, 1e-7);
      }
      EXPECT_EQ(encoded.stats.saturated, 0u);
      EXPECT_NEAR(encoded.stats.max_abs, 0.01F, 1e-4F);
    }
  }
}

// A lane is the floor plus a coin of exactly the fraction: the mean over many seeds is the value,
// within four standard errors for every one of many fractions.
TEST(Encode, RoundsWithoutBias) {
  constexpr int kSeeds = 4000;
  Update update;
  update.base.assign(kBlockParameters, 0.0F);
  for (size_t i = 0; i < kBlockParameters; ++i) {
    update.trained.push_back((static_cast<float>(i) - 512.0F) / 64.0F / 127.0F);
  }
  update.scales = {1.0F};
  std::vector<double> sums(kBlockParameters);
  double total = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Encoded encoded = Encode({Lane::kInt8, kWeightOne, seed}, update).value();
    for (size_t i = 0; i < kBlockParameters; ++i) sums[i] += LaneAt(encoded, Lane::kInt8, i);
  }
  int far = 0;
  for (size_t i = 0; i < kBlockParameters; ++i) {
    const double wanted = -static_cast<double>(update.trained[i]) * 127;
    const double error = sums[i] / kSeeds - wanted;
    if (std::fabs(error) > 4 * 0.5 / std::sqrt(kSeeds)) ++far;
    total += error;
  }
  EXPECT_LE(far, 2);
  EXPECT_LT(std::fabs(total / kBlockParameters), 4 * 0.5 / std::sqrt(kSeeds * 1024.0));
}

TEST(Encode, DrawsIndependentlyForEveryParameter) {
  Update update;
  update.base.assign(64 * kBlockParameters, 0.5F / 127);  // a lane of one half: a fair coin each
  update.trained.assign(update.base.size(), 0.0F);
  update.scales.assign(64, 1.0F);
  const Encoded encoded = Encode({Lane::kInt8, kWeightOne, 9}, update).value();
  const double count = static_cast<double>(update.base.size());
  for (const size_t lag : {1, 2, 7, 16, 32, 1023, 1024, 2048}) {
    double agree = 0;
    for (size_t i = lag; i < update.base.size(); ++i) {
      agree += encoded.lanes[i] == encoded.lanes[i - lag] ? 1 : 0;
    }
    EXPECT_NEAR(agree / (count - static_cast<double>(lag)), 0.5, 4 * 0.5 / std::sqrt(count))
        << "lag " << lag;
  }
}

TEST(Encode, GivesTheSameBytesForAPieceAlone) {
  const Update whole = SomeUpdate(2, 5 * kBlockParameters + 100, 1.0F);
  const EncodeParameters parameters{Lane::kInt8, kWeightOne / 2, 77};
  const Encoded all = Encode(parameters, whole).value();
  const size_t first = 3 * kBlockParameters;
  Update piece;
  piece.base.assign(whole.base.begin() + first, whole.base.end());
  piece.trained.assign(whole.trained.begin() + first, whole.trained.end());
  piece.scales.assign(whole.scales.begin() + 3, whole.scales.end());
  const Encoded part = Encode(parameters, piece, first).value();
  EXPECT_TRUE(std::equal(part.lanes.begin(), part.lanes.end(), all.lanes.begin() + first));
  EXPECT_TRUE(std::equal(part.residual.begin(), part.residual.end(), all.residual.begin() + first));
  EXPECT_NE(Encode({Lane::kInt8, kWeightOne / 2, 78}, whole)->lanes, all.lanes);
}

TEST(Encode, SaturatesAtBothEndsCountsItAndKeepsTheRest) {
  for (const Lane lane : {Lane::kInt4, Lane::kInt8, Lane::kInt16}) {
    Update update;
    update.base = {10.0F, -10.0F, 1.0F, -1.0F, 0.0F, 3e38F, -3e38F};
    update.trained.assign(update.base.size(), 0.0F);
    update.scales = {1.0F};
    const Encoded encoded = Encode({lane, kWeightOne, 1}, update).value();
    const int32_t most = LaneMax(lane);
    const std::vector<int32_t> expected{most, -most, most, -most, 0, most, -most};
    for (size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(LaneAt(encoded, lane, i), expected[i]);
    EXPECT_EQ(encoded.stats.saturated, 4u);
    EXPECT_EQ(encoded.residual[0], 9.0F);
    EXPECT_EQ(encoded.residual[1], -9.0F);
    EXPECT_EQ(encoded.residual[2], 0.0F);
    EXPECT_EQ(encoded.stats.max_abs, 3e38F);
  }
}

TEST(Encode, StopsWithinTheWeightThatALaneHasAndKeepsTheRest) {
  SeededRandom random(3);
  for (const Lane lane : {Lane::kInt4, Lane::kInt8, Lane::kInt16}) {
    for (const uint64_t weight : {kWeightOne, kWeightOne / 3, kWeightOne / 100, uint64_t{1}}) {
      Update update = SomeUpdate(8, 3000, 3.0F);
      update.scales.assign(update.scales.size(), 1.0F);
      const Encoded encoded = Encode({lane, weight, 5, true}, update).value();
      const int64_t most = (LaneMax(lane) * static_cast<int64_t>(weight) + (1 << 20) - 1) >> 20;
      const double step = static_cast<double>(kWeightOne) / (LaneMax(lane) * 1.0 * weight);
      uint64_t beyond = 0;
      int64_t reached = 0;
      for (size_t i = 0; i < update.base.size(); ++i) {
        const double u = static_cast<double>(update.base[i]) - update.trained[i];
        const int32_t value = LaneAt(encoded, lane, i);
        beyond += std::fabs(u) > 1 ? 1 : 0;
        reached = std::max<int64_t>(reached, std::abs(value));
        ASSERT_LE(std::abs(value), most) << u;
        ASSERT_NEAR(encoded.residual[i], u - value * step, 1e-6 * (1 + std::fabs(value * step)));
      }
      if (weight > 1) EXPECT_EQ(reached, most);
      EXPECT_EQ(encoded.stats.saturated, beyond);
    }
  }
}

// What was sent over all rounds plus what is left is what was meant.
TEST(ErrorFeedback, Telescopes) {
  constexpr size_t kCount = 3000;
  for (const uint64_t weight : {kWeightOne, kWeightOne / 5}) {
    const EncodeParameters round{Lane::kInt8, weight, 0};
    const double omega = static_cast<double>(weight) / static_cast<double>(kWeightOne);
    std::vector<double> sent(kCount), meant(kCount);
    std::vector<float> residual;
    for (uint64_t r = 0; r < 30; ++r) {
      // Every third round is far beyond the scale: it saturates, and later rounds catch up.
      Update update = SomeUpdate(r, kCount, r % 3 == 0 ? 0.05F : 0.005F);
      update.scales.assign(update.scales.size(), 0.02F);
      update.residual = residual;
      const Encoded encoded = Encode({round.lane, weight, r}, update).value();
      if (r % 3 == 0 && weight == kWeightOne) {
        EXPECT_GT(encoded.stats.saturated, 0u);
      }
      for (size_t i = 0; i < kCount; ++i) {
        meant[i] += static_cast<double>(update.base[i]) - update.trained[i];
        sent[i] += LaneAt(encoded, round.lane, i) * static_cast<double>(0.02F) / (127 * omega);
      }
      residual = encoded.residual;
    }
    for (size_t i = 0; i < kCount; ++i) EXPECT_NEAR(sent[i] + residual[i], meant[i], 2e-6);
  }
}

TEST(ErrorFeedback, MayWriteTheResidualOverItself) {
  Update update = SomeUpdate(4, 2000, 0.1F);
  update.residual.assign(2000, 0.01F);
  const EncodeParameters parameters{Lane::kInt16, kWeightOne, 1};
  const Encoded apart = Encode(parameters, update).value();
  Bytes lanes(4000);
  ASSERT_TRUE(EncodeRange(parameters, 0,
                          {update.base, update.trained, update.residual, update.scales},
                          {lanes, update.residual}));
  EXPECT_EQ(lanes, apart.lanes);
  EXPECT_EQ(update.residual, apart.residual);
}

TEST(Encode, RefusesNaNAndInfinityFromAnyInput) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const float bad : {kNan, kInfinity, -kInfinity}) {
    for (const size_t at : {size_t{0}, size_t{1023}, size_t{1024}, size_t{2499}}) {
      for (int input = 0; input < 3; ++input) {
        Update update = SomeUpdate(6, 2500, 0.1F);
        update.residual.assign(2500, 0.0F);
        std::vector<float>* const inputs[] = {&update.base, &update.trained, &update.residual};
        (*inputs[input])[at] = bad;
        const auto encoded = Encode({Lane::kInt8, kWeightOne, 1}, update);
        ASSERT_FALSE(encoded);
        EXPECT_EQ(encoded.error().code, ErrorCode::kInvalid);
      }
    }
  }
  Update overflow = SomeUpdate(6, 10, 0.1F);
  overflow.base[3] = 3e38F;
  overflow.trained[3] = -3e38F;
  EXPECT_FALSE(Encode({Lane::kInt8, kWeightOne, 1}, overflow));
}

TEST(EncodeDeathTest, ChecksItsShapes) {
  const Update update = SomeUpdate(1, 2048, 1.0F);
  EXPECT_DEATH((void)Encode({Lane::kInt8, kWeightOne, 1}, update, 5), "begins at a block");
  EXPECT_DEATH((void)Encode({Lane::kInt8, 0, 1}, update), "a weight");
  EXPECT_DEATH((void)Encode({Lane::kInt8, kWeightOne + 1, 1}, update), "a weight");
}

}  // namespace
}  // namespace dure::codec
