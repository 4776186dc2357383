// Samplers against their distributions: chi-square tests with fixed seeds, and wrong samplers that
// the same tests must find.
#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <map>

#include "federation/noise/discrete_gaussian.h"
#include "federation/noise/secret_random.h"
#include "federation/noise/skellam.h"

namespace dure::noise {
namespace {

using Draw = std::function<int64_t(BitSource&)>;
using LogWeight = std::function<double(int64_t)>;

// How many standard deviations the chi-square statistic of `count` draws lies above its mean, with
// cells of at least 20 draws expected; the tails are two cells of their own.
double Surprise(const Draw& draw, const LogWeight& log_weight, int64_t reach, uint64_t seed,
                int count = 400000) {
  SeededRandom random(seed);
  BitSource bits(random);
  std::map<int64_t, int> seen;
  for (int i = 0; i < count; ++i) ++seen[draw(bits)];
  double total = 0;
  for (int64_t x = -reach; x <= reach; ++x) total += std::exp(log_weight(x));
  double chi_square = 0;
  double cells = -1;
  double expected = 0;
  double found = 0;
  for (int64_t x = -reach; x <= reach; ++x) {
    expected += count * std::exp(log_weight(x)) / total;
    found += seen.contains(x) ? seen[x] : 0;
    if (expected < 20 && x < reach) continue;
    if (expected > 0)
      chi_square += (found - expected) * (found - expected) / std::max(expected, 1.0);
    ++cells;
    expected = found = 0;
  }
  return (chi_square - cells) / std::sqrt(2 * cells);
}

constexpr double kAlarm = 5;  // one good test in some hundred thousand would ring

LogWeight Gaussian(double variance) {
  return [variance](int64_t x) {
    return -static_cast<double>(x) * static_cast<double>(x) / (2 * variance);
  };
}

double LogPoisson(double mean, double k) {
  return k < 0 ? -INFINITY : k * std::log(mean) - mean - std::lgamma(k + 1);
}

// P(X - Y = x), summed over Y.
LogWeight SkellamWeight(double variance) {
  return [mean = variance / 2](int64_t x) {
    double sum = 0;
    const double reach = mean + 40 * std::sqrt(mean) + 40;
    for (double y = 0; y < reach; ++y) {
      sum += std::exp(LogPoisson(mean, y) + LogPoisson(mean, y + static_cast<double>(x)));
    }
    return std::log(sum);
  };
}

Draw GaussianDraw(uint64_t variance) {
  return
      [sampler = *DiscreteGaussian::Make(variance)](BitSource& bits) { return sampler.Draw(bits); };
}

Draw SkellamDraw(uint64_t variance) {
  return [sampler = *Skellam::Make(variance)](BitSource& bits) { return sampler.Draw(bits); };
}

int64_t ReachOf(uint64_t variance) {
  return static_cast<int64_t>(12 * std::sqrt(static_cast<double>(variance))) + 12;
}

TEST(DiscreteGaussianSampler, DrawsItsDistribution) {
  for (const uint64_t variance : {1, 2, 3, 10, 100, 10007, 1000000}) {
    EXPECT_LT(Surprise(GaussianDraw(variance), Gaussian(static_cast<double>(variance)),
                       ReachOf(variance), variance),
              kAlarm)
        << variance;
  }
}

TEST(SkellamSampler, DrawsItsDistribution) {
  for (const uint64_t variance : {2, 4, 10, 100, 1000}) {
    EXPECT_LT(Surprise(SkellamDraw(variance), SkellamWeight(static_cast<double>(variance)),
                       ReachOf(variance), variance),
              kAlarm)
        << variance;
  }
}

// Shares of five sites add up to one sample of five times the variance.
TEST(SkellamSampler, AddsUpToSkellam) {
  const Skellam share = *Skellam::Make(20);
  const Draw sum = [&](BitSource& bits) {
    int64_t total = 0;
    for (int site = 0; site < 5; ++site) total += share.Draw(bits);
    return total;
  };
  EXPECT_LT(Surprise(sum, SkellamWeight(100), 132, 7), kAlarm);
}

TEST(DiscreteGaussianSampler, AddsUpToNearlyOne) {
  const DiscreteGaussian share = *DiscreteGaussian::Make(20);
  const Draw sum = [&](BitSource& bits) {
    int64_t total = 0;
    for (int site = 0; site < 5; ++site) total += share.Draw(bits);
    return total;
  };
  EXPECT_LT(Surprise(sum, Gaussian(100), 132, 7), kAlarm);
}

TEST(Samplers, AreFoundWhenTheyAreWrong) {
  // Three per cent more variance.
  EXPECT_GT(Surprise(GaussianDraw(103), Gaussian(100), 132, 1), kAlarm);
  EXPECT_GT(Surprise(SkellamDraw(104), SkellamWeight(100), 132, 1), kAlarm);
  // A continuous Gaussian rounded to integers, as floating-point noise would be.
  const Draw rounded = [](BitSource& bits) {
    const double u = (static_cast<double>(bits.Word() >> 11) + 0.5) * 0x1p-53;
    const double v = static_cast<double>(bits.Word() >> 11) * 0x1p-53;
    return std::llround(std::sqrt(-2 * std::log(u) * 4) * std::cos(2 * M_PI * v));
  };
  EXPECT_GT(Surprise(rounded, Gaussian(4), 36, 1), kAlarm);
  // Zero drawn with both signs.
  const Draw two_zeros = [draw = GaussianDraw(4)](BitSource& bits) {
    const int64_t x = draw(bits);
    return x != 0 && bits.Below(uint64_t{10}) == 0 && x * x == 1 ? 0 : x;
  };
  EXPECT_GT(Surprise(two_zeros, Gaussian(4), 36, 1), kAlarm);
  // A sum of coins in place of either.
  const Draw coins = [](BitSource& bits) {
    return static_cast<int64_t>(std::popcount(bits.Word() & 0xffff)) - 8;
  };
  EXPECT_GT(Surprise(coins, Gaussian(4), 36, 1), kAlarm);
  EXPECT_GT(Surprise(coins, SkellamWeight(4), 36, 1), kAlarm);
  // One Skellam in place of a Gaussian of its variance, and the other way round.
  EXPECT_GT(Surprise(SkellamDraw(4), Gaussian(4), 36, 1), kAlarm);
  EXPECT_GT(Surprise(GaussianDraw(4), SkellamWeight(4), 36, 1), kAlarm);
}

struct Moments {
  double mean, variance;
};

Moments MomentsOf(const Draw& draw, int count) {
  SeededRandom random(5);
  BitSource bits(random);
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < count; ++i) {
    const auto x = static_cast<double>(draw(bits));
    sum += x;
    squares += x * x;
  }
  return {sum / count, squares / count};
}

TEST(Samplers, KeepMeanAndVarianceAtLargeScales) {
  constexpr int kCount = 200000;
  for (const uint64_t variance :
       {uint64_t{1} << 24, DiscreteGaussian::Make(kVarianceMax) ? kVarianceMax : uint64_t{0}}) {
    const Moments found = MomentsOf(GaussianDraw(variance), kCount);
    const auto exact = static_cast<double>(variance);
    EXPECT_NEAR(found.mean / std::sqrt(exact), 0, 5 / std::sqrt(kCount));
    EXPECT_NEAR(found.variance / exact, 1, 5 * std::sqrt(2.0 / kCount));
  }
  const Moments found = MomentsOf(SkellamDraw(Skellam::kVarianceMax), kCount);
  EXPECT_NEAR(found.mean / 4096, 0, 5 / std::sqrt(kCount));
  EXPECT_NEAR(found.variance / (4096.0 * 4096), 1, 5 * std::sqrt(2.0 / kCount));
}

TEST(Samplers, TossWithTheExactProbability) {
  SeededRandom random(3);
  BitSource bits(random);
  for (const auto& [numerator, denominator] :
       {std::pair{0, 7}, {1, 3}, {1, 1}, {5, 2}, {99, 100}, {7, 1}}) {
    int heads = 0;
    for (int i = 0; i < 200000; ++i) {
      heads +=
          TossExpMinus(static_cast<Uint128>(numerator), static_cast<Uint128>(denominator), bits)
              ? 1
              : 0;
    }
    const double p = std::exp(-static_cast<double>(numerator) / denominator);
    EXPECT_NEAR(heads / 200000.0, p, 5 * std::sqrt(p * (1 - p) / 200000) + 1e-12);
  }
}

TEST(Samplers, DrawIntegersBelowABoundEvenly) {
  SeededRandom random(4);
  BitSource bits(random);
  std::map<uint64_t, int> seen;
  for (int i = 0; i < 300000; ++i) ++seen[bits.Below(uint64_t{3} << 62) >> 60];
  ASSERT_EQ(seen.size(), 12u);
  for (const auto& [cell, count] : seen) EXPECT_NEAR(count, 25000, 5 * 158) << cell;
  const Uint128 wide = Uint128{5} << 80;
  std::map<uint64_t, int> fifths;
  for (int i = 0; i < 100000; ++i) ++fifths[static_cast<uint64_t>(bits.Below(wide) >> 80)];
  ASSERT_EQ(fifths.size(), 5u);
  for (const auto& [cell, count] : fifths) EXPECT_NEAR(count, 20000, 5 * 141) << cell;
}

TEST(SecretRandom, RepeatsItselfAndIsAesInCounterMode) {
  SecretRandom::Key key{};
  Bytes first(48);
  SecretRandom(key).Fill(first);
  // AES-256 of the zero block under the zero key.
  EXPECT_EQ(ToHex(ByteView(first).first(16)), "dc95c078a2408989ad48a21492842087");
  SecretRandom again(key);
  Bytes pieces(48);
  again.Fill(std::span(pieces).first(5));
  again.Fill(std::span(pieces).subspan(5));
  EXPECT_EQ(pieces, first);
  key[31] = 1;
  Bytes other(48);
  SecretRandom(key).Fill(other);
  EXPECT_NE(other, first);
}

// A restarted site must make the same contribution again, noise and rounding included.
TEST(SecretRandom, RepeatsDraws) {
  const auto draws = [] {
    SecretRandom random(SecretRandom::Key{7});
    BitSource bits(random);
    std::vector<int32_t> values(1000);
    DiscreteGaussian::Make(5000)->AddTo(values, bits);
    Skellam::Make(5000)->AddTo(values, bits);
    return values;
  };
  EXPECT_EQ(draws(), draws());
}

TEST(Samplers, RefuseVariancesTheyCannotDraw) {
  EXPECT_FALSE(DiscreteGaussian::Make(0));
  EXPECT_FALSE(DiscreteGaussian::Make(kVarianceMax + 1));
  EXPECT_FALSE(Skellam::Make(0));
  EXPECT_FALSE(Skellam::Make(3));
  EXPECT_FALSE(Skellam::Make(Skellam::kVarianceMax + 2));
}

}  // namespace
}  // namespace dure::noise
