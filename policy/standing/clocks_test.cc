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

// A holder that stays, on a machine that may be halted and whose clock may be set.
class ClockWatchTest : public ClocksTest {
 protected:
  ClockWatch::Judged Look(std::string_view now, Duration set_by = {}) {
    return *watch_.Look(w_.log(), held_, w_.Now(), {TimeAt(now), set_by, up_});
  }
  ClockWatch watch_;
  Duration up_ = std::chrono::hours(1000);
};

TEST_F(ClockWatchTest, AMachineThatWasHaltedAndHasTheTimeSoonDissentsFromNothing) {
  watch_.UpToDate(TimeAt("2026-10-01T09:00:00Z"));
  AggregatorSays("2026-10-01T10:00:00Z");
  const auto behind = Look("2026-10-01T09:00:10Z");  // halted for an hour: nothing passed here
  EXPECT_TRUE(behind.finding);
  EXPECT_TRUE(behind.waits);
  held_ = w_.log().Head().head.size;  // what it waits for is not new any more
  up_ += std::chrono::minutes(2);
  EXPECT_TRUE(Look("2026-10-01T09:02:10Z").waits);
  const auto set = Look("2026-10-01T09:02:20Z", std::chrono::hours(1));
  EXPECT_FALSE(set.finding);
  EXPECT_TRUE(set.follows_set);
}

TEST_F(ClockWatchTest, AClockThatRanAheadAndIsSetRightIsFollowedBack) {
  watch_.UpToDate(TimeAt("2026-10-02T09:00:00Z"));  // a day ahead
  AggregatorSays("2026-10-01T09:01:00Z");
  EXPECT_TRUE(Look("2026-10-02T09:01:00Z").waits);
  EXPECT_TRUE(Look("2026-10-02T09:02:00Z", -std::chrono::days(1)).follows_set);
  AggregatorSays("2026-10-01T09:03:00Z");
  EXPECT_FALSE(Look("2026-10-01T09:03:00Z").finding);
}

TEST_F(ClockWatchTest, AClockThatNobodySetsRightIsHeldToTheAggregator) {
  const uint64_t lie = AggregatorSays("2026-10-09T09:00:00Z");
  EXPECT_TRUE(Look("2026-10-01T09:10:00Z").waits);
  up_ += kClockPatience - std::chrono::seconds(1);
  EXPECT_TRUE(Look("2026-10-01T09:14:59Z").waits);
  up_ += std::chrono::seconds(1);
  const auto found = Look("2026-10-01T09:15:00Z");
  EXPECT_FALSE(found.waits);
  ASSERT_TRUE(found.finding);
  EXPECT_EQ(found.finding->index, lie);
}

TEST_F(ClockWatchTest, WhileItsClockIsSetToATimeThatIsNoneEitherItDissentsFromNothing) {
  AggregatorSays("2026-10-09T09:00:00Z");
  EXPECT_TRUE(Look("2026-10-01T09:10:00Z", std::chrono::days(1)).waits);
  up_ += std::chrono::days(1);
  EXPECT_TRUE(Look("2026-10-02T09:10:00Z", std::chrono::days(1)).waits);
  EXPECT_FALSE(Look("2026-10-02T09:10:00Z").waits) << "set back, and still none";
}

TEST_F(ClockWatchTest, ACommandCannotWait) {
  AggregatorSays("2026-10-09T09:00:00Z");
  const auto found =
      *watch_.Look(w_.log(), held_, w_.Now(), {TimeAt("2026-10-01T09:10:00Z"), {}, {}});
  EXPECT_TRUE(found.finding);
  EXPECT_FALSE(found.waits);
}

}  // namespace
}  // namespace dure::standing
