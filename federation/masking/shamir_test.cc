#include "federation/masking/shamir.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "federation/random.h"

namespace dure::masking {
namespace {

Secret Filled(uint8_t byte) {
  Secret secret;
  secret.bytes.fill(byte);
  return secret;
}

std::vector<Share> Shared(const Secret& secret, uint32_t threshold, uint32_t count,
                          Random& chance) {
  Bytes coefficients(size_t{32} * (threshold - 1));
  chance.Fill(coefficients);
  return Split(secret, threshold, count, coefficients);
}

TEST(Shamir, AnyThresholdSharesGiveTheSecret) {
  SeededRandom chance(1);
  for (int trial = 0; trial < 300; ++trial) {
    const auto count = static_cast<uint32_t>(1 + chance.Below(40));
    const auto threshold = static_cast<uint32_t>(1 + chance.Below(count));
    Secret secret;
    chance.Fill(secret.bytes);
    std::vector<Share> shares = Shared(secret, threshold, count, chance);
    while (shares.size() > threshold) {
      shares.erase(shares.begin() + static_cast<ptrdiff_t>(chance.Below(shares.size())));
    }
    std::swap(shares.front(), shares.back());
    EXPECT_TRUE(SameSecret(Combine(shares).value(), secret));
  }
}

TEST(Shamir, MoreSharesThanTheThresholdGiveItToo) {
  SeededRandom chance(2);
  const std::vector<Share> shares = Shared(Filled(0xab), 3, 9, chance);
  EXPECT_TRUE(SameSecret(Combine(shares).value(), Filled(0xab)));
}

TEST(Shamir, SharesTwoHundredAndFiftyFive) {
  SeededRandom chance(3);
  for (const uint8_t byte : {uint8_t{0}, uint8_t{0xff}}) {
    const std::vector<Share> shares = Shared(Filled(byte), 170, kSharesMax, chance);
    EXPECT_EQ(shares.back().x, 255);
    const std::span<const Share> some = std::span(shares).last(170);
    EXPECT_TRUE(SameSecret(Combine(some).value(), Filled(byte)));
    EXPECT_FALSE(SameSecret(Combine(some.first(169)).value(), Filled(byte)));
  }
}

// For every secret byte there is exactly one polynomial through the shares held: they exclude none.
TEST(Shamir, FewerThanTheThresholdAgreeWithEverySecretAlike) {
  for (int secret = 0; secret < 256; ++secret) {
    std::set<uint8_t> at_two;
    for (int coefficient = 0; coefficient < 256; ++coefficient) {
      const Bytes coefficients(32, static_cast<uint8_t>(coefficient));
      const auto shares = Split(Filled(static_cast<uint8_t>(secret)), 2, 2, coefficients);
      at_two.insert(shares[1].value.bytes[5]);
    }
    EXPECT_EQ(at_two.size(), 256U) << "two of two, secret " << secret;
  }
}

TEST(Shamir, TwoOfThreeSharesAgreeWithEverySecretAlike) {
  // With threshold 3 and a fixed secret, (c1, c2) -> (share 1, share 2) must be one to one.
  for (const uint8_t secret : {uint8_t{0}, uint8_t{1}, uint8_t{0x5a}, uint8_t{0xff}}) {
    std::set<std::pair<uint8_t, uint8_t>> seen;
    for (int pair = 0; pair < 65536; ++pair) {
      const auto c1 = static_cast<uint8_t>(pair);
      const auto c2 = static_cast<uint8_t>(pair >> 8);
      const auto at = [&](uint8_t x) {
        return static_cast<uint8_t>(secret ^ FieldProduct(c1, x) ^
                                    FieldProduct(c2, FieldProduct(x, x)));
      };
      seen.insert({at(1), at(2)});
    }
    EXPECT_EQ(seen.size(), 65536U);
  }
}

TEST(Shamir, IsLinear) {
  SeededRandom chance(4);
  Secret a, b;
  chance.Fill(a.bytes);
  chance.Fill(b.bytes);
  auto left = Shared(a, 3, 5, chance);
  const auto right = Shared(b, 3, 5, chance);
  for (size_t i = 0; i < left.size(); ++i) {
    for (size_t k = 0; k < 32; ++k) left[i].value.bytes[k] ^= right[i].value.bytes[k];
  }
  Secret sum;
  for (size_t k = 0; k < 32; ++k) sum.bytes[k] = a.bytes[k] ^ b.bytes[k];
  EXPECT_TRUE(SameSecret(Combine(std::span(left).first(3)).value(), sum));
}

TEST(Shamir, RefusesPlaceZeroRepeatedPlacesAndNothing) {
  SeededRandom chance(5);
  auto shares = Shared(Filled(7), 2, 3, chance);
  EXPECT_FALSE(Combine({}).has_value());
  shares[1].x = shares[0].x;
  EXPECT_FALSE(Combine(shares).has_value());
  shares[1].x = 0;
  EXPECT_FALSE(Combine(shares).has_value());
}

// By a table built the other way round: powers of the generator 3.
TEST(Shamir, ProductsAgreeWithLogarithmsForAllPairs) {
  int power[255];
  int logarithm[256] = {};
  int value = 1;
  for (int i = 0; i < 255; ++i) {
    power[i] = value;
    logarithm[value] = i;
    const int doubled = (value << 1) ^ ((value & 0x80) != 0 ? 0x11b : 0);
    value = doubled ^ value;
  }
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const int wanted = a == 0 || b == 0 ? 0 : power[(logarithm[a] + logarithm[b]) % 255];
      ASSERT_EQ(FieldProduct(static_cast<uint8_t>(a), static_cast<uint8_t>(b)), wanted);
    }
  }
}

}  // namespace
}  // namespace dure::masking
