// The record's time when the aggregator's clock, or somebody's, is wrong.
#include "aggregator/timekeeper.h"

#include <gmock/gmock.h>

namespace dure::aggregator {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class MachineClock : public Clock {
 public:
  MonoTime Now() const override { return MonoTime(passed_); }
  WallTime WallNow() const override { return True() + set_; }
  Duration SinceBoot() const override { return passed_ + slept_; }
  void At(MonoTime, std::function<void()>) override {}
  WallTime True() const { return WallTime(std::chrono::days(20000) + passed_ + slept_ + halted_); }
  void Pass(Duration time) { passed_ += time; }
  void Sleep(Duration time) { slept_ += time; }
  // A virtual machine that is stopped and goes on: no clock of it passes.
  void Halt(Duration time) {
    halted_ += time;
    set_ -= time;
  }
  void SetBy(Duration by) { set_ = by; }

 private:
  Duration passed_{}, slept_{}, halted_{}, set_{};
};

class TimekeeperTest : public ::testing::Test {
 protected:
  static SiteId Site(std::string_view name) { return *SiteId::Parse(name); }
  void Hear(std::string_view site, Duration off = {}) {
    time_.Hear(Site(site), clock_.True() + off);
  }
  bool OffBy(Duration by) {
    return std::chrono::abs(time_.Now() - clock_.True() - by) < minutes(1);
  }

  MachineClock clock_;
  std::vector<std::string> said_;
  Timekeeper time_{clock_, [this](const std::string& line) { said_.push_back(line); }};
};

TEST_F(TimekeeperTest, AMachineThatSleptWritesOnWithTheTimeItWakesTo) {
  clock_.Sleep(hours(10));
  EXPECT_TRUE(time_.MayWrite());
  EXPECT_TRUE(OffBy({}));
  EXPECT_THAT(said_, IsEmpty());
}

TEST_F(TimekeeperTest, NothingIsWrittenAfterAStepUntilMostSitesSayWhichTimeIsRight) {
  clock_.Halt(hours(1));
  clock_.SetBy({});  // the network's time came
  const Status refused = time_.MayWrite();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("restart the aggregator"));
  EXPECT_FALSE(time_.MayWrite());
  Hear("kt");
  Hear("lg", -hours(1));
  EXPECT_FALSE(time_.MayWrite()) << "one against one";
  Hear("skt");
  EXPECT_TRUE(time_.MayWrite());
  EXPECT_TRUE(OffBy({}));
  EXPECT_THAT(said_,
              ElementsAre(HasSubstr("nothing is recorded: this machine's clock was set by 60"),
                          HasSubstr("the record follows it"), HasSubstr("written to again")));
}

TEST_F(TimekeeperTest, AClockSetByAWrongHandChangesNothingWhileMostSitesShowTheTimeBefore) {
  Hear("kt");
  clock_.SetBy(hours(24));
  EXPECT_TRUE(time_.MayWrite());
  EXPECT_TRUE(OffBy({}));
  clock_.Pass(hours(3));
  EXPECT_TRUE(time_.MayWrite());
  EXPECT_TRUE(OffBy({}));
  time_.Forget(Site("kt"));
  EXPECT_FALSE(time_.MayWrite());
  clock_.SetBy({});
  EXPECT_TRUE(time_.MayWrite());
  EXPECT_THAT(said_, ElementsAre(HasSubstr("keeps the time before"),
                                 HasSubstr("nothing is recorded"), HasSubstr("written to again")));
}

TEST_F(TimekeeperTest, NothingIsWrittenByAClockThatMostSitesWouldDissentFrom) {
  clock_.Halt(hours(1));  // and no network's time yet
  EXPECT_TRUE(time_.MayWrite()) << "nobody says so";
  Hear("kt");
  Hear("lg", hours(5));
  Hear("skt", -hours(1));
  const Status refused = time_.MayWrite();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("by about 60 minutes"));
  time_.Forget(Site("lg"));
  EXPECT_TRUE(time_.MayWrite()) << "one of two has a wrong clock, and is no majority";
}

TEST_F(TimekeeperTest, ItNeverRunsBackwards) {
  const WallTime later = clock_.True() + hours(2);
  time_.NotBefore(later);
  EXPECT_EQ(time_.Now(), later);
  clock_.Pass(hours(3));
  EXPECT_GT(time_.Now(), later);
  const WallTime stamped = time_.Stamp();
  clock_.SetBy(-minutes(5));
  EXPECT_EQ(time_.Now(), stamped) << "a correction";
}

TEST_F(TimekeeperTest, AWrongTimeThatNothingWasWrittenByIsForgotten) {
  clock_.SetBy(hours(24));
  Timekeeper time(clock_, [](const std::string&) {});  // begins a day ahead
  EXPECT_EQ(time.Now(), clock_.WallNow());
  time.Hear(Site("kt"), clock_.True());
  EXPECT_FALSE(time.MayWrite());
  clock_.SetBy({});
  EXPECT_TRUE(time.MayWrite());
  EXPECT_EQ(time.Now(), clock_.True());
}

}  // namespace
}  // namespace dure::aggregator
