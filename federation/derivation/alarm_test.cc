#include "federation/derivation/alarm.h"

#include <gmock/gmock.h>

#include <vector>

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
