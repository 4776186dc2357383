#include "federation/codec/kernels.h"

#include <gmock/gmock.h>

#include <algorithm>
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

// What loops gave, as bytes.
class Results {
 public:
  template <typename T>
  void Keep(const std::vector<T>& values) {
    const auto* begin = reinterpret_cast<const uint8_t*>(values.data());
    bytes_.insert(bytes_.end(), begin, begin + values.size() * sizeof(T));
  }
  template <typename T>
  void KeepOne(T value) {
    Keep(std::vector<T>{value});
  }
  bool operator==(const Results&) const = default;

 private:
  Bytes bytes_;
};

void EncodeLoops(const Kernels& k, uint64_t seed, size_t count, bool wild, Results& all) {
  SeededRandom random(seed);
  const auto floats = [&] { return wild ? AnyFloats(random, count) : NearFloats(random, count); };
  const std::vector<float> base = floats(), trained = floats(), residual = floats();
  std::vector<float> u(count), left(count);
  all.KeepOne(k.update(count, base.data(), trained.data(), nullptr, u.data()));
  all.Keep(u);
  all.KeepOne(k.update(count, base.data(), trained.data(), residual.data(), u.data()));
  all.Keep(u);
  if (wild) u = base;  // finite, as the contract wants
  RoundScale scale{wild ? 1e20F : 90.0F, 0.01F, {}};
  RoundingKey(seed, 3, scale.key);
  std::vector<int8_t> lanes8(count);
  all.KeepOne(k.round8(count, u.data(), scale, lanes8.data(), left.data()));
  all.Keep(lanes8);
  all.Keep(left);
  scale.to_lane *= 300;
  std::vector<int16_t> lanes16(count);
  all.KeepOne(k.round16(count, u.data(), scale, lanes16.data(), left.data()));
  all.Keep(lanes16);
  all.Keep(left);
  scale.to_lane /= 6000;
  all.KeepOne(k.round4(count, u.data(), scale, lanes8.data(), left.data()));
  all.Keep(lanes8);
  all.Keep(left);
  std::vector<uint8_t> folded((count + 1) / 2);
  std::vector<int8_t> unfolded(count);
  k.fold4(count, lanes8.data(), folded.data());
  all.Keep(folded);
  all.KeepOne(k.unfold4(count, folded.data(), unfolded.data()));
  EXPECT_EQ(unfolded, lanes8);
}

void OuterLoops(const Kernels& k, uint64_t seed, size_t count, bool wild, Results& all) {
  SeededRandom random(seed);
  const auto floats = [&] { return wild ? AnyFloats(random, count) : NearFloats(random, count); };
  const std::vector<float> base = floats(), before = floats(), small = floats();
  std::vector<double> means(count);
  for (size_t i = 0; i < count; ++i) means[i] = static_cast<double>(small[i]) * 1e-3;
  std::vector<float> model(count), momentum(count);
  all.KeepOne(k.outer(count, means.data(), {0.7, 0.9},
                      {base.data(), before.data(), model.data(), momentum.data()}));
  all.Keep(model);
  all.Keep(momentum);
  all.KeepOne(k.outer(count, means.data(), {0.7, 0.9},
                      {base.data(), nullptr, model.data(), momentum.data()}));
  all.Keep(model);
  all.KeepOne(k.outer(count, means.data(), {1, 0}, {base.data(), nullptr, model.data(), nullptr}));
  all.Keep(model);
}

// Lanes of either width through sums and planes and back.
template <typename Lane, typename Total, typename Low, typename Loops>
void SumLoops(const Kernels& k, const Loops& loops, uint64_t seed, size_t count, Results& all) {
  SeededRandom random(seed);
  constexpr int kMost = std::numeric_limits<Lane>::max();
  std::vector<std::vector<Lane>> lanes(7, std::vector<Lane>(count));
  std::vector<const Lane*> at;
  for (auto& site : lanes) {
    for (Lane& lane : site) {
      lane = static_cast<Lane>(static_cast<int>(random.Below(2 * kMost + 1)) - kMost);
    }
    at.push_back(site.data());
  }
  all.KeepOne((k.*loops.least)(count, at[0]));
  for (const size_t sites : {1, 2, 3, 4, 5, 7}) {
    std::vector<Total> sums(kBlockPadded);
    std::vector<Low> low(count);
    std::vector<uint8_t> high(kBlock);
    std::vector<int32_t> unpacked(count);
    std::vector<double> means(count);
    const int bits = sites == 1 ? 0 : sites == 2 ? 1 : sites <= 4 ? 2 : sites == 5 ? 4 : 8;
    all.KeepOne((k.*loops.sum)(count, at.data(), sites, 0, sums.data()));
    all.KeepOne((k.*loops.pack)(count, sums.data(), bits, low.data(), high.data()));
    all.Keep(sums), all.Keep(low), all.Keep(high);
    all.KeepOne((k.*loops.unpack)(count, low.data(), high.data(), bits, unpacked.data()));
    EXPECT_TRUE(std::equal(unpacked.begin(), unpacked.end(), sums.begin())) << sites << " sites";
    all.KeepOne(k.squares(count, unpacked.data()));
    k.means(count, unpacked.data(), 0.1, means.data());
    all.Keep(means);
  }
}

template <typename Least, typename Sum, typename Pack, typename Unpack>
struct LoopsOf {
  Least least;
  Sum sum;
  Pack pack;
  Unpack unpack;
};

// Everything the loops give for some inputs of one length.
Results AllResults(const Kernels& k, uint64_t seed, size_t count) {
  Results all;
  for (const bool wild : {false, true}) {
    EncodeLoops(k, seed, count, wild, all);
    OuterLoops(k, seed, count, wild, all);
  }
  const LoopsOf narrow{&Kernels::least8, &Kernels::sum8, &Kernels::pack8, &Kernels::unpack8};
  SumLoops<int8_t, int16_t, uint8_t>(k, narrow, seed, count, all);
  const LoopsOf wide{&Kernels::least16, &Kernels::sum16, &Kernels::pack16, &Kernels::unpack16};
  SumLoops<int16_t, int32_t, uint16_t>(k, wide, seed, count, all);
  return all;
}

TEST(Kernels, GiveTheSameBitsAtEveryVectorLevel) {
  for (const size_t count :
       {size_t{1}, size_t{7}, size_t{64}, size_t{1000}, size_t{1023}, kBlock}) {
    for (uint64_t seed = 0; seed < 10; ++seed) {
      const Results expected = AllResults(KernelsAt(VectorLevel::kPlain), seed, count);
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
