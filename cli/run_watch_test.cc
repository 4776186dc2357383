#include "cli/run_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace dure::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const Status kGone = Fail(ErrorCode::kUnavailable, "Socket closed");

// Streams one after the other: the lines of each, and how it breaks.
class FollowStreamTest : public testing::Test {
 protected:
  using Line = std::function<bool(const std::string&)>;
  struct Stream {
    std::vector<std::string> lines;
    Status end;
  };
  Status Follow(std::vector<Stream> streams) {
    size_t at = 0;
    Following following;
    following.stream = [&](const Line& line) -> Status {
      if (at == streams.size()) return kGone;
      const Stream& stream = streams[at++];
      for (const std::string& text : stream.lines) {
        if (!line(text)) return {};
      }
      return stream.end;
    };
    following.line = [&](const std::string& text) {
      seen_.push_back(text);
      return text != "ended";
    };
    following.lost = [&] { seen_.emplace_back("(lost)"); };
    following.found = [&] { seen_.emplace_back("(found)"); };
    following.wait = [&] { now_ += kWatchAgain; };
    following.now = [&] { return now_; };
    return FollowStream(following);
  }

  std::vector<std::string> seen_;
  std::chrono::steady_clock::time_point now_{};
};

TEST_F(FollowStreamTest, GoesOnWhenTheAggregatorIsThereAgain) {
  EXPECT_TRUE(Follow({{{"a"}, kGone}, {{}, kGone}, {{"b"}, {}}, {{"ended"}, {}}}));
  EXPECT_THAT(seen_, ElementsAre("a", "(lost)", "(found)", "b", "(lost)", "(found)", "ended"));
}

TEST_F(FollowStreamTest, EndsAfterItsPatience) {
  const Status followed = Follow({{{"a"}, kGone}});
  ASSERT_FALSE(followed);
  EXPECT_EQ(followed.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(seen_, ElementsAre("a", "(lost)"));
  EXPECT_GE(now_.time_since_epoch(), kWatchPatience);
}

TEST_F(FollowStreamTest, WhatNeverAnsweredAndWhatIsRefusedEndsAtOnce) {
  EXPECT_FALSE(Follow({{{}, kGone}}));
  EXPECT_THAT(seen_, IsEmpty());
  const Status refused = Follow({{{"a"}, kGone}, {{}, Fail(ErrorCode::kNotFound, "no run")}});
  EXPECT_EQ(refused.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace dure::cli
