// What one seat may put into a record that keeps it for good.
#include "aggregator/record_pace.h"

#include <gtest/gtest.h>

namespace dure::aggregator {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr MonoTime kStart{std::chrono::hours(1)};

TEST(RecordPace, TakesAThousandEntriesAtOnceAndThenOneAfterTheOther) {
  RecordPace pace;
  for (int i = 0; i < 1024; ++i) ASSERT_TRUE(pace.Take("member kt-seoul", 500, kStart));
  const Status more = pace.Take("member kt-seoul", 500, kStart);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(more.error().message.find("in 29 s"), std::string::npos) << more.error().message;
  EXPECT_TRUE(pace.Take("member lg-busan", 500, kStart)) << "one seat took another's";
  EXPECT_TRUE(pace.Take("member kt-seoul", 500, kStart + seconds(29)));
  EXPECT_FALSE(pace.Take("member kt-seoul", 500, kStart + seconds(30)));
}

TEST(RecordPace, BoundsBytesAsWellAndIsFullAgainAfterAWhile) {
  RecordPace pace;
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(pace.Take("officer kt-legal", 4 << 20, kStart));
  EXPECT_FALSE(pace.Take("officer kt-legal", 1, kStart));
  EXPECT_TRUE(pace.Take("officer kt-legal", 16 << 20, kStart + hours(100)));
  EXPECT_FALSE(pace.Take("officer kt-legal", 1, kStart + hours(100))) << "it holds more than full";
}

}  // namespace
}  // namespace dure::aggregator
