#include "federation/noise/vectors.h"

#include <gmock/gmock.h>

#include <cmath>

namespace dure::noise {
namespace {

const Digest kSeed = Sha256(AsBytes("a round"));

std::vector<float> Spread(size_t count, uint64_t seed) {
  SeededRandom random(seed);
  std::vector<float> values(count);
  for (float& value : values) {
    value = static_cast<float>(static_cast<double>(random.Below(2000001)) / 1e6 - 1);
  }
  return values;
}

TEST(Rotation, KeepsNormsAndComesBack) {
  const std::vector<float> before = Spread(3 * kRotationBlock + 17, 1);
  std::vector<float> values = before;
  Rotate(kSeed, 5, values);
  EXPECT_NEAR(SquaredNorm(values), SquaredNorm(before), 1e-4 * SquaredNorm(before));
  EXPECT_NE(values[0], before[0]);
  EXPECT_EQ(values.back(), before.back());  // beyond the last whole block
  // A piece alone is the piece of the whole.
  std::vector<float> piece(before.begin() + kRotationBlock, before.begin() + 2 * kRotationBlock);
  Rotate(kSeed, 6, piece);
  EXPECT_TRUE(std::equal(piece.begin(), piece.end(), values.begin() + kRotationBlock));
  Unrotate(kSeed, 5, values);
  for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], before[i], 1e-5) << i;
}

TEST(Rotation, SpreadsOneLargeCoordinateOverItsBlock) {
  std::vector<float> values(kRotationBlock, 0);
  values[77] = 32;
  Rotate(kSeed, 0, values);
  for (const float value : values) EXPECT_EQ(std::fabs(value), 1);
}

// The sum of rotated vectors is the rotated sum: sites that share the seed may add.
TEST(Rotation, IsLinear) {
  std::vector<float> a = Spread(kRotationBlock, 2);
  std::vector<float> b = Spread(kRotationBlock, 3);
  std::vector<float> sum(kRotationBlock);
  for (size_t i = 0; i < sum.size(); ++i) sum[i] = a[i] + b[i];
  Rotate(kSeed, 9, a);
  Rotate(kSeed, 9, b);
  for (size_t i = 0; i < sum.size(); ++i) a[i] += b[i];
  Unrotate(kSeed, 9, a);
  for (size_t i = 0; i < sum.size(); ++i) EXPECT_NEAR(a[i], sum[i], 1e-5);
}

TEST(Clipping, NeverLeavesANormAboveTheClip) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    std::vector<float> values = Spread(1000, seed);
    const double clip = 0.001 + 0.2 * static_cast<double>(seed);
    const float factor = *ClipFactor(SquaredNorm(values), clip);
    ClipCoordinates(factor, 1e9F, values);
    EXPECT_LE(std::sqrt(SquaredNorm(values)), clip);
    EXPECT_LE(factor, 1);
  }
  EXPECT_EQ(ClipFactor(4, 3).value(), 1);
  EXPECT_NEAR(ClipFactor(16, 2).value(), 0.5, 1e-6);
  EXPECT_FALSE(ClipFactor(NAN, 1));
  EXPECT_FALSE(ClipFactor(INFINITY, 1));
}

TEST(Clipping, BoundsCoordinatesAndCountsThem) {
  std::vector<float> values{-3, -0.5F, 0, 0.5F, 3};
  EXPECT_EQ(ClipCoordinates(2, 2, values), 2u);
  EXPECT_THAT(values, testing::ElementsAre(-2, -1, 0, 1, 2));
}

TEST(GridRounding, KeepsTheMean) {
  SeededRandom random(1);
  BitSource bits(random);
  const std::vector<float> values(100000, 0.3F);
  std::vector<int32_t> out(values.size());
  for (const double scale : {1.0, 7.0, -1.0}) {
    ASSERT_TRUE(RoundToGrid(values, scale, bits, out));
    double sum = 0;
    for (const int32_t value : out) {
      EXPECT_LE(std::fabs(value - scale * 0.3F), 1);
      sum += value;
    }
    EXPECT_NEAR(sum / 1e5, scale * 0.3F, 5 * 0.5 / std::sqrt(1e5));
  }
}

TEST(GridRounding, SumsSquaresExactlyAndRefusesWhatLeavesTheGrid) {
  SeededRandom random(2);
  BitSource bits(random);
  const std::vector<float> values = Spread(5000, 4);
  std::vector<int32_t> out(values.size());
  const Uint128 sum = *RoundToGrid(values, 1e6, bits, out);
  Uint128 exact = 0;
  for (const int32_t value : out) exact += static_cast<Uint128>(int64_t{value} * value);
  EXPECT_TRUE(sum == exact);
  EXPECT_TRUE(KeepsNorm(sum, std::sqrt(static_cast<double>(sum)) * (1 + 1e-12)));
  EXPECT_FALSE(KeepsNorm(sum, std::sqrt(static_cast<double>(sum)) * (1 - 1e-12)));
  for (const float bad : {NAN, INFINITY, -INFINITY, 3e9F}) {
    std::vector<float> one{bad};
    std::vector<int32_t> room(1);
    EXPECT_FALSE(RoundToGrid(one, 1, bits, room));
  }
}

}  // namespace
}  // namespace dure::noise
