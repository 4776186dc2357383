#include "federation/masking/keystream.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "federation/random.h"

namespace dure::masking {
namespace {

StreamKey RandomKey(Random& chance) {
  StreamKey key;
  chance.Fill(key.key.bytes);
  chance.Fill(key.nonce);
  return key;
}

class Engines : public testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    if (!Has(GetParam())) GTEST_SKIP() << "this processor has no " << Name(GetParam());
  }
};

TEST_P(Engines, GiveTheBitsOfEvpForAnyKeyOffsetLengthAndWidth) {
  SeededRandom chance(static_cast<uint64_t>(GetParam()) + 1);
  for (int trial = 0; trial < 4000; ++trial) {
    const StreamKey key = RandomKey(chance);
    const Keystream evp(key, Engine::kEvp);
    const Keystream other(key, GetParam());
    const auto width = static_cast<WordBytes>(1U << chance.Below(4));
    const auto direction = static_cast<Direction>(chance.Below(2));
    const uint64_t unit = static_cast<uint64_t>(width);
    // Anywhere, near the carries out of one, four and five counter bytes, and far out.
    const uint64_t bases[] = {0, uint64_t{1} << 12, uint64_t{1} << 36, uint64_t{1} << 44,
                              chance.Below(uint64_t{1} << 62)};
    const uint64_t base = bases[chance.Below(5)];
    const uint64_t back = std::min<uint64_t>(base, chance.Below(1500));
    const uint64_t offset = (base - back) / unit * unit;
    Bytes words(chance.Below(3000) / unit * unit + 3);
    chance.Fill(words);
    Bytes wanted = words;
    const size_t bytes = words.size() - 3;  // what stands behind must stay
    evp.Apply(direction, width, offset, std::span(wanted).first(bytes));
    other.Apply(direction, width, offset, std::span(words).first(bytes));
    ASSERT_EQ(words, wanted) << "offset " << offset << ", bytes " << bytes << ", width " << unit;
  }
}

TEST_P(Engines, MasksDoNotDependOnTheOrderInWhichTheyAreTaken) {
  SeededRandom chance(9);
  const Keystream stream(RandomKey(chance), GetParam());
  Bytes whole(100'000);
  stream.Read(0, whole);
  for (int trial = 0; trial < 500; ++trial) {
    const size_t at = chance.Below(whole.size());
    Bytes part(chance.Below(whole.size() - at) % 2000);
    stream.Read(at, part);
    ASSERT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + static_cast<ptrdiff_t>(at)));
  }
}

TEST_P(Engines, SubtractWhatTheyAdded) {
  SeededRandom chance(10);
  const Keystream stream(RandomKey(chance), GetParam());
  for (const auto width : {WordBytes::k1, WordBytes::k2, WordBytes::k4, WordBytes::k8}) {
    Bytes words(4096);
    chance.Fill(words);
    const Bytes before = words;
    stream.Apply(Direction::kAdd, width, 64, words);
    EXPECT_NE(words, before);
    stream.Apply(Direction::kSubtract, width, 64, words);
    EXPECT_EQ(words, before);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Engines, testing::Values(Engine::kEvp, Engine::kAesNi, Engine::kVaes),
                         [](const auto& engine) {
                           std::string name(Name(engine.param));
                           name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
                           return name;
                         });

TEST(BestEngine, IsOneThatThisMachineHas) { EXPECT_TRUE(Has(BestEngine())); }

}  // namespace
}  // namespace dure::masking
