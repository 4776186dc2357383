#include "federation/codec/kernels.h"

#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "federation/random.h"

namespace dure::codec {
namespace {

std::vector<VectorLevel> LevelsHere() {
  std::vector<VectorLevel> levels{VectorLevel::kPlain};
  for (const VectorLevel level : {VectorLevel::kAvx2, VectorLevel::kAvx512}) {
    if (level <= BestLevel()) levels.push_back(level);
  }
  return levels;
}

std::vector<float> AnyFloats(SeededRandom& random, size_t count) {
  std::vector<float> values(count);
  for (float& value : values) {
    const auto bits = static_cast<uint32_t>(random.Next64());
    value = std::bit_cast<float>(bits);
    if (!std::isfinite(value)) value = 0;
  }
  return values;
}

// Values about one, so that lanes are neither all zero nor all saturated.
std::vector<float> NearFloats(SeededRandom& random, size_t count) {
  std::vector<float> values(count);
  for (float& value : values) {
    value = static_cast<float>(static_cast<double>(random.Below(1u << 24)) / (1 << 23) - 1.0);
  }
  return values;
}

// Everything the loops give for some inputs of one length, as bytes.
Bytes AllResults(const Kernels& k, uint64_t seed, size_t count) {
  SeededRandom random(seed);
  Bytes all;
  const auto keep = [&all](const auto& values) {
    const auto* begin = reinterpret_cast<const uint8_t*>(values.data());
    all.insert(all.end(), begin, begin + values.size() * sizeof(values[0]));
  };
  const auto keep_one = [&keep](auto value) { keep(std::vector{value}); };
  for (const bool wild : {false, true}) {
    const auto floats = [&] { return wild ? AnyFloats(random, count) : NearFloats(random, count); };
    const std::vector<float> base = floats(), trained = floats(), residual = floats();
    std::vector<float> u(count), left(count);
    keep_one(k.update(count, base.data(), trained.data(), nullptr, u.data()));
    keep(u);
    keep_one(k.update(count, base.data(), trained.data(), residual.data(), u.data()));
    keep(u);
    if (wild) u = base;  // finite, as the contract wants
    RoundScale scale{wild ? 1e20F : 90.0F, 0.01F, {}};
    RoundingKey(seed, 3, scale.key);
    std::vector<int8_t> lanes8(count);
    keep_one(k.round8(count, u.data(), scale, lanes8.data(), left.data()));
    keep(lanes8);
    keep(left);
    scale.to_lane *= 300;
    std::vector<int16_t> lanes16(count);
    keep_one(k.round16(count, u.data(), scale, lanes16.data(), left.data()));
    keep(lanes16);
    keep(left);
    std::vector<double> means(count);
    for (size_t i = 0; i < count; ++i) means[i] = static_cast<double>(trained[i]) * 1e-3;
    std::vector<float> model(count), momentum(count);
    keep_one(k.outer(count, means.data(), {0.7, 0.9},
                     {base.data(), residual.data(), model.data(), momentum.data()}));
    keep(model);
    keep(momentum);
    keep_one(k.outer(count, means.data(), {0.7, 0.9},
                     {base.data(), nullptr, model.data(), momentum.data()}));
    keep(model);
    keep_one(k.outer(count, means.data(), {1, 0}, {base.data(), nullptr, model.data(), nullptr}));
    keep(model);
  }
  std::vector<std::vector<int8_t>> narrow(7, std::vector<int8_t>(count));
  std::vector<std::vector<int16_t>> wide(7, std::vector<int16_t>(count));
  std::vector<const int8_t*> narrow_at;
  std::vector<const int16_t*> wide_at;
  for (auto& lanes : narrow) {
    for (int8_t& lane : lanes)
      lane = static_cast<int8_t>(static_cast<int>(random.Below(255)) - 127);
    narrow_at.push_back(lanes.data());
  }
  for (auto& lanes : wide) {
    for (int16_t& lane : lanes) {
      lane = static_cast<int16_t>(static_cast<int>(random.Below(65535)) - 32767);
    }
    wide_at.push_back(lanes.data());
  }
  keep_one(k.least8(count, narrow_at[0]));
  keep_one(k.least16(count, wide_at[0]));
  for (const size_t sites : {1, 2, 3, 4, 5, 7}) {
    std::vector<int16_t> sums8(kBlockPadded);
    std::vector<int32_t> sums16(kBlockPadded), unpacked(count);
    std::vector<uint8_t> low8(count), high(kBlock);
    std::vector<uint16_t> low16(count);
    const int bits = sites == 1 ? 0 : sites == 2 ? 1 : sites <= 4 ? 2 : sites == 5 ? 4 : 8;
    keep_one(k.sum8(count, narrow_at.data(), sites, 0, sums8.data()));
    keep_one(k.pack8(count, sums8.data(), bits, low8.data(), high.data()));
    keep(sums8), keep(low8), keep(high);
    keep_one(k.unpack8(count, low8.data(), high.data(), bits, unpacked.data()));
    keep(unpacked);
    keep_one(k.squares(count, unpacked.data()));
    std::vector<double> means(count);
    k.means(count, unpacked.data(), 0.1, means.data());
    keep(means);
    keep_one(k.sum16(count, wide_at.data(), sites, 0, sums16.data()));
    keep_one(k.pack16(count, sums16.data(), bits, low16.data(), high.data()));
    keep(sums16), keep(low16), keep(high);
    keep_one(k.unpack16(count, low16.data(), high.data(), bits, unpacked.data()));
    keep(unpacked);
    for (size_t i = 0; i < count; ++i) EXPECT_EQ(unpacked[i], sums16[i]);
  }
  return all;
}

TEST(Kernels, GiveTheSameBitsAtEveryVectorLevel) {
  for (const size_t count :
       {size_t{1}, size_t{7}, size_t{64}, size_t{1000}, size_t{1023}, kBlock}) {
    for (uint64_t seed = 0; seed < 10; ++seed) {
      const Bytes expected = AllResults(KernelsAt(VectorLevel::kPlain), seed, count);
      for (const VectorLevel level : LevelsHere()) {
        EXPECT_TRUE(AllResults(KernelsAt(level), seed, count) == expected)
            << "level " << static_cast<int>(level) << ", " << count << " values, seed " << seed;
      }
    }
  }
}

TEST(Kernels, SeeEveryKindOfNonFiniteValueWhereverItStands) {
  for (const VectorLevel level : LevelsHere()) {
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::signaling_NaN(),
          -std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
          -std::numeric_limits<float>::infinity()}) {
      for (const size_t at : {size_t{0}, size_t{15}, size_t{500}, kBlock - 1}) {
        std::vector<float> base(kBlock, 1.0F), trained(kBlock, 2.0F), u(kBlock);
        base[at] = bad;
        EXPECT_GE(KernelsAt(level).update(kBlock, base.data(), trained.data(), nullptr, u.data()),
                  kNotFiniteBits);
        std::vector<double> means(kBlock, 0.0);
        std::vector<float> model(kBlock), momentum(kBlock);
        EXPECT_GE(KernelsAt(level).outer(kBlock, means.data(), {1, 0},
                                         {base.data(), nullptr, model.data(), nullptr}),
                  kNotFiniteBits);
        EXPECT_GE(
            KernelsAt(level).outer(kBlock, means.data(), {1, 0.5},
                                   {trained.data(), base.data(), model.data(), momentum.data()}),
            kNotFiniteBits);
      }
    }
  }
}

TEST(Kernels, RoundLikeThePlainDefinition) {
  SeededRandom random(7);
  for (int trial = 0; trial < 20; ++trial) {
    const std::vector<float> u = NearFloats(random, kBlock);
    RoundScale scale{150.0F, 1.0F / 150, {}};
    RoundingKey(11, static_cast<uint64_t>(trial), scale.key);
    std::vector<int8_t> lanes(kBlock);
    std::vector<float> left(kBlock);
    const uint32_t saturated =
        BestKernels().round8(kBlock, u.data(), scale, lanes.data(), left.data());
    uint32_t expected_saturated = 0;
    for (size_t i = 0; i < kBlock; ++i) {
      const float x = u[i] * scale.to_lane;
      if (std::fabs(x) > 127) {
        ++expected_saturated;
        EXPECT_EQ(lanes[i], x > 0 ? 127 : -127);
      } else {
        EXPECT_THAT(lanes[i], testing::AnyOf(std::floor(x), std::ceil(x)));
      }
      EXPECT_EQ(left[i], u[i] - static_cast<float>(lanes[i]) * scale.to_value);
    }
    EXPECT_EQ(saturated, expected_saturated);
    EXPECT_GT(saturated, 50u);
  }
}

TEST(Kernels, KeepTheRoundingStreamsOfBlocksAndSeedsApart) {
  uint32_t a[2], b[2], c[2];
  RoundingKey(1, 0, a);
  RoundingKey(1, 1, b);
  RoundingKey(2, 0, c);
  EXPECT_NE(std::memcmp(a, b, sizeof a), 0);
  EXPECT_NE(std::memcmp(a, c, sizeof a), 0);
  EXPECT_NE(std::memcmp(b, c, sizeof b), 0);
}

}  // namespace
}  // namespace dure::codec
