#include "federation/derivation/alarm.h"

#include <gmock/gmock.h>

#include <vector>

#include "federation/codec/scales.h"
#include "federation/round/testing.h"

namespace dure::derivation {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST(Alarm, GrowthIsTheLengthsAndNotTheBlocks) {
  const std::vector<float> before = {3, 4};
  EXPECT_DOUBLE_EQ(GrowthOf(before, std::vector<float>{4, 3}), 1.0);
  EXPECT_DOUBLE_EQ(GrowthOf(before, std::vector<float>{6, 8}), 2.0);
  EXPECT_DOUBLE_EQ(GrowthOf(before, std::vector<float>{5, 0}), 1.0);
}

TEST(Alarm, GrowthIsThatOfTheScalesBeforeAndAfterTheRound) {
  const auto store = blob::MemoryBlobStore();
  const auto manifest = round::TestManifest();
  const auto base = [&store](std::vector<float> scales) {
    round::Base made;
    made.scales = store->Put(codec::SerializeScales(scales)).value();
    return made;
  };
  const uint64_t count = 2 * codec::kBlockParameters;
  const auto small = base({0.1F, 0.1F});
  const auto large = base({0.3F, 0.3F});
  EXPECT_NEAR(GrowthOf(small, large, manifest, count, *store).value_or(0), 3.0, 1e-6);
  EXPECT_NEAR(GrowthOf(large, small, manifest, count, *store).value_or(0), 1.0 / 3, 1e-6);
  // The first round starts from the manifest's one scale for all blocks.
  const double guess = manifest.initial_scale;
  EXPECT_NEAR(GrowthOf(round::Base{}, large, manifest, count, *store).value_or(0), 0.3 / guess,
              1e-5);
  round::Base absent;
  absent.scales = Sha256(AsBytes("not there"));
  EXPECT_FALSE(GrowthOf(small, absent, manifest, count, *store));
}

TEST(Alarm, GrowthSaysSomethingOnceTheScalesHaveSettled) {
  Growths growths;
  // A guess that was far too small: the scales climb to the updates, four times a round at most.
  EXPECT_EQ(growths.Take({0}, 4.0), std::nullopt);
  EXPECT_EQ(growths.Take({1}, 3.7), std::nullopt);
  EXPECT_EQ(growths.Take({2}, 1.2), std::nullopt);
  EXPECT_EQ(growths.Take({3}, 3.0), 3.0);
  EXPECT_EQ(growths.Take({3}, 3.0), 3.0) << "told again, after a link broke";
  EXPECT_EQ(growths.Take({4}, 3.0), std::nullopt) << "on top of what was told already";
  EXPECT_EQ(growths.Take({5}, 0.25), std::nullopt);
  EXPECT_EQ(growths.Take({6}, 2.6), 2.6);
  EXPECT_EQ(growths.Take({9}, 2.6), std::nullopt) << "the round before is not known";
  EXPECT_EQ(Growths().Take({7}, 3.0), std::nullopt) << "nor is it to a process that just began";
}

TEST(Alarm, SaysNothingOfAnOrdinaryRound) {
  EXPECT_THAT(AlarmOf(1.3, 0, 1000, 4), IsEmpty());
  EXPECT_THAT(AlarmOf(0.25, 39, 1000, 4), IsEmpty());
  EXPECT_THAT(AlarmOf(std::nullopt, std::nullopt, 1000, 4), IsEmpty());
}

TEST(Alarm, SaysByHowMuchASumGrew) {
  EXPECT_THAT(AlarmOf(3.14, 0, 1000, 4), HasSubstr("3.1 times as long as the round before;"));
}

TEST(Alarm, OneOfFourWhoseLanesAreAllCutIsAQuarterOfAll) {
  EXPECT_THAT(AlarmOf(1.0, 1000, 1000, 4), HasSubstr("25 % of what was sent"));
  EXPECT_THAT(AlarmOf(std::nullopt, 80, 1000, 4), HasSubstr("2 % of what"));
  EXPECT_THAT(AlarmOf(3, 1000, 1000, 4), HasSubstr("before, and 25 %"));
}

}  // namespace
}  // namespace dure::derivation
