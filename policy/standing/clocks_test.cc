// An aggregator whose clock is wrong, on purpose or not, beside a holder's own.
#include "policy/standing/clocks.h"

#include <gmock/gmock.h>

#include "policy/standing/testing.h"

namespace dure::standing {
namespace {

using testing::TimeAt;
using testing::World;

class ClocksTest : public ::testing::Test {
 protected:
  ClocksTest() {
    w_.Found();
    held_ = w_.log().Head().head.size;
  }
  // What a holder finds in what is new since then, at this time of its own.
  std::optional<Finding> At(std::string_view now, std::optional<WallTime> seen = std::nullopt) {
    const auto finding = CompareClocks(w_.log(), held_, w_.Now(), {TimeAt(now), seen});
    EXPECT_TRUE(finding.has_value());
    return finding.value_or(std::nullopt);
  }
  uint64_t AggregatorSays(std::string_view when) {
    w_.SetTime(when);
    const MemberId member = *MemberId::Parse("m" + std::to_string(++members_));
    return w_.Say("host", ledger::MemberDescribed{member, ledger::House::kPublic, "KR"});
  }
  World w_;
  uint64_t held_ = 0;
  int members_ = 0;
};

TEST_F(ClocksTest, AnEntryOfTheFutureIsNamed) {
  AggregatorSays("2026-10-01T09:10:00Z");
  const uint64_t lie = AggregatorSays("2026-10-09T09:00:00Z");  // a vote's week is over
  AggregatorSays("2026-10-09T09:00:01Z");
  const auto found = At("2026-10-01T09:10:00Z");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->index, lie);
  EXPECT_EQ(found->rule, "clock");
  EXPECT_TRUE(found->dissent);
  EXPECT_THAT(found->text, ::testing::AllOf(::testing::HasSubstr("2026-10-09"),
                                            ::testing::HasSubstr("2026-10-01T09:10:00Z")));
}

TEST_F(ClocksTest, AClockThatStandsStillIsNamed) {
  // An embargo, or the end of somebody's terms, never comes.
  const uint64_t lie = AggregatorSays("2026-10-01T09:00:00Z");
  const auto found = At("2026-10-02T09:00:00Z", TimeAt("2026-10-02T08:00:00Z"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->index, lie);
  EXPECT_EQ(found->rule, "clock");
}

TEST_F(ClocksTest, WhatWasMissedWhileAwayIsOld) {
  AggregatorSays("2026-10-01T10:00:00Z");
  EXPECT_FALSE(At("2026-11-01T09:00:00Z"));
  EXPECT_FALSE(At("2026-11-01T09:00:00Z", TimeAt("2026-10-01T09:00:00Z")));
}

TEST_F(ClocksTest, ClocksMayDifferALittle) {
  AggregatorSays("2026-10-01T10:00:00Z");
  EXPECT_FALSE(At("2026-10-01T09:30:00Z"));
  EXPECT_TRUE(At("2026-10-01T09:29:59Z"));
  EXPECT_FALSE(At("2026-10-01T11:00:00Z", TimeAt("2026-10-01T10:30:00Z")));
  EXPECT_TRUE(At("2026-10-01T11:00:00Z", TimeAt("2026-10-01T10:30:01Z")));
}

TEST_F(ClocksTest, AMembersClockIsItsOwn) {
  w_.SetTime("2027-10-01T09:00:00Z");
  w_.Lend("reviews", "kt", terms::testing::OpenTerms());
  EXPECT_FALSE(At("2026-10-01T09:00:00Z"));
  EXPECT_FALSE(At("2026-10-02T09:00:00Z", TimeAt("2026-10-02T08:00:00Z")));
}

}  // namespace
}  // namespace dure::standing
