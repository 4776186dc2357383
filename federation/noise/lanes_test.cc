#include "federation/noise/lanes.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <cmath>
#include <filesystem>

#include "federation/noise/vectors.h"

namespace dure::noise {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kCount = 70 * kRotationBlock + 9;  // two pieces, the last block short

class NoisedLanes : public testing::Test {
 protected:
  NoisedLanes() : base_(kCount), trained_(kCount) {
    std::string pattern = (fs::temp_directory_path() / "dure-noise-XXXXXX").string();
    home_ = ::mkdtemp(pattern.data());
    for (uint64_t i = 0; i < kCount; ++i) {
      base_[i] = std::cos(static_cast<float>(i));
      trained_[i] = base_[i] - 0.01F * std::sin(0.37F * static_cast<float>(i));
    }
    noise_.share_variance = 2500;
    noise_.clip = 1;
    noise_.coordinate_clip = 0.25;
    noise_.scale = 4000;
    noise_.norm_max = 4000 * 1.01;
  }
  ~NoisedLanes() override { fs::remove_all(home_); }

  std::vector<int16_t> Write(uint8_t key, int threads = 1) {
    const std::string path = (home_ / "lanes").string();
    fs::remove(path);
    const auto file = *codec::OutputFile::Create(path, kCount * sizeof(int16_t));
    SecretRandom::Key secret{};
    secret[0] = key;
    codec::Work work;
    work.threads = threads;
    const auto made = WriteNoisedLanes(base_, trained_, noise_, secret, file, work);
    EXPECT_TRUE(made) << made.error().message;
    made_ = made.value_or(NoisedUpdate{});
    const auto map = *codec::MappedFile::Open(path);
    const auto* values = reinterpret_cast<const int16_t*>(map.bytes().data());
    return {values, values + kCount};
  }
  Status Refusal() {
    const auto file = *codec::OutputFile::Create((home_ / "no").string(), kCount * sizeof(int16_t));
    const auto made = WriteNoisedLanes(base_, trained_, noise_, {}, file, {});
    fs::remove(home_ / "no");
    if (made) return {};
    return Fail(made.error());
  }
  static double NormOf(const std::vector<double>& values) {
    double sum = 0;
    for (const double value : values) sum += value * value;
    return std::sqrt(sum);
  }

  fs::path home_;
  std::vector<float> base_;
  std::vector<float> trained_;
  LaneNoise noise_;
  NoisedUpdate made_;
};

TEST_F(NoisedLanes, AreTheClippedUpdateAndNoiseOfTheVarianceThatWasAskedFor) {
  const std::vector<int16_t> lanes = Write(1);
  double squared = 0;
  for (uint64_t i = 0; i < kCount; ++i) squared += std::pow(base_[i] - trained_[i], 2);
  const double norm = std::sqrt(squared);
  EXPECT_NEAR(made_.norm, norm, 1e-4);
  ASSERT_GT(norm, noise_.clip);  // so it is clipped
  const double factor = noise_.clip / norm * noise_.scale;
  std::vector<double> noise(kCount);
  double mean = 0;
  for (uint64_t i = 0; i < kCount; ++i) {
    noise[i] = lanes[i] - factor * (base_[i] - trained_[i]);
    mean += noise[i] / kCount;
  }
  // Rounding adds at most a quarter to the variance.
  const double variance = std::pow(NormOf(noise), 2) / kCount;
  EXPECT_NEAR(variance, 2500.2, 5 * 2500 * std::sqrt(2.0 / kCount));
  EXPECT_NEAR(mean, 0, 5 * 50 / std::sqrt(static_cast<double>(kCount)));
}

TEST_F(NoisedLanes, NeverHoldMoreOfAnUpdateThanTheClipWhateverItIs) {
  // The least noise that is drawn, so that what is left of it can be bounded.
  noise_.share_variance = 1;
  for (float& value : trained_) value *= 1000;
  const std::vector<int16_t> lanes = Write(2);
  std::vector<double> values(lanes.begin(), lanes.end());
  EXPECT_LE(NormOf(values), noise_.norm_max + 1.2 * std::sqrt(static_cast<double>(kCount)));
  // One coordinate that is all of it meets the bound of a coordinate.
  trained_ = base_;
  trained_[5] -= 100;
  const std::vector<int16_t> one = Write(3);
  EXPECT_LE(one[5], 0.25 * 4000 + 8);
  EXPECT_GE(one[5], 0.25 * 4000 - 8);
  EXPECT_EQ(made_.bounded, 1u);
}

TEST_F(NoisedLanes, AreTheSameForOneKeyAndOthersForAnother) {
  const std::vector<int16_t> once = Write(1, 1);
  EXPECT_EQ(Write(1, 3), once);
  const std::vector<int16_t> other = Write(2);
  size_t same = 0;
  for (uint64_t i = 0; i < kCount; ++i) same += once[i] == other[i] ? 1U : 0U;
  EXPECT_LT(same, kCount / 50);
}

TEST_F(NoisedLanes, OfARotatedUpdateTurnBackToIt) {
  noise_.rotation = RotationSeed("run", Sha256(AsBytes("model")));
  trained_ = base_;
  trained_[3000] -= 1;  // a rotated block bears it in 1024 equal parts, none at its bound
  noise_.share_variance = 1;
  const std::vector<int16_t> lanes = Write(1);
  EXPECT_EQ(made_.bounded, 0u);
  std::vector<float> values(lanes.begin(), lanes.end());
  Unrotate(*noise_.rotation, 0, values);
  EXPECT_NEAR(values[3000], 4000, 10);
  EXPECT_NEAR(values[3001], 0, 10);
}

TEST_F(NoisedLanes, AreRefusedWhereTheyCannotBe) {
  trained_[7] = std::nanf("");
  EXPECT_EQ(Refusal().error().code, ErrorCode::kInvalid);
  trained_[7] = INFINITY;
  EXPECT_EQ(Refusal().error().code, ErrorCode::kInvalid);
  trained_[7] = 0;
  noise_.clip = NAN;
  EXPECT_EQ(Refusal().error().code, ErrorCode::kInvalid);
  noise_.clip = 1;
  noise_.share_variance = 0;
  EXPECT_EQ(Refusal().error().code, ErrorCode::kInvalid);
  // Noise that never fits its lane.
  noise_.share_variance = uint64_t{1} << 36;
  EXPECT_EQ(Refusal().error().code, ErrorCode::kInternal);
}

}  // namespace
}  // namespace dure::noise
