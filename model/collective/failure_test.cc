// The end of a rank, a rank that hangs, and ranks that do not agree: told on every rank, in time.
#include <gmock/gmock.h>
#include <unistd.h>

#include "model/collective/gang_of_threads.h"

namespace dure::model::collective {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;

// Far beyond what a loaded machine needs: a test that waits for it has failed.
constexpr milliseconds kLong{100'000};

class Failure : public testing::TestWithParam<std::string> {};

std::string Here() { return "process " + std::to_string(getpid()); }

TEST_P(Failure, ARankThatIsGoneEndsTheGangEverywhereByName) {
  OnEveryRank(GetParam(), 4, [](Collective& gang) {
    gang.set_patience(kLong);
    ASSERT_TRUE(gang.Barrier());
    if (gang.rank() == 2) return;  // destroyed
    std::vector<float> values(300'000, 1.0f);
    const Status first = gang.AllReduce(values);
    ASSERT_FALSE(first);
    EXPECT_EQ(first.error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(first.error().message, AllOf(HasSubstr("rank 2 ("), HasSubstr(Here())));
    const Status again = gang.Barrier();
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().message, first.error().message);
  });
}

TEST_P(Failure, WhoWaitsForeverIsStillToldOfAnEnd) {
  OnEveryRank(GetParam(), 3, [](Collective& gang) {
    gang.set_patience(kForever);
    if (gang.rank() == 0) return;
    Bytes order(8);
    const Status waited = gang.Broadcast(order, 0);
    ASSERT_FALSE(waited);
    EXPECT_THAT(waited.error().message, HasSubstr("rank 0 ("));
  });
}

TEST_P(Failure, ARankThatHangsIsNamedByAllOthersWhenPatienceEnds) {
  std::atomic<int> told = 0;
  OnEveryRank(GetParam(), 3, [&](Collective& gang) {
    ASSERT_TRUE(gang.Barrier());
    if (gang.rank() == 1) {  // hangs until both others gave up
      while (told.load() < 2) std::this_thread::yield();
      return;
    }
    gang.set_patience(milliseconds(2000));
    std::vector<float> values(10, 1.0f);
    const Status done = gang.AllReduce(values);
    ++told;
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(done.error().message, AllOf(HasSubstr("rank 1 ("), HasSubstr("gave no sign for")));
  });
}

TEST_P(Failure, DifferentCallsAreAFaultAndNotAWrongSum) {
  OnEveryRank(GetParam(), 2, [](Collective& gang) {
    gang.set_patience(kLong);
    std::vector<float> values(gang.rank() == 0 ? 64 : 80, 1.0f);
    const Status done = gang.AllReduce(values);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(done.error().message, HasSubstr("is in reduction"));
  });
  OnEveryRank(GetParam(), 2, [](Collective& gang) {
    gang.set_patience(kLong);
    Bytes bytes(8);
    const Status done = gang.rank() == 0 ? gang.Barrier() : gang.Broadcast(bytes, 1);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::kCorrupt);
  });
}

TEST_P(Failure, ALongCollectionIsRefusedBeforeAnythingIsSent) {
  OnEveryRank(GetParam(), 2, [](Collective& gang) {
    if (gang.rank() == 0) {
      EXPECT_EQ(gang.Collect(Bytes(kCollectBytesMax + 1)).error().code, ErrorCode::kInvalid);
    }
    EXPECT_TRUE(gang.Barrier());
  });
}

INSTANTIATE_TEST_SUITE_P(Every, Failure, testing::Values("threads", "sockets", "tcp"),
                         [](const auto& test) { return test.param; });

TEST(SocketFailure, BytesThatAreNoFrameAreAFault) {
  const auto sockets = SocketPairs(2);
  const Bytes noise(200, 'x');
  ASSERT_EQ(write(sockets[1][0], noise.data(), noise.size()), 200);
  const auto gang = MakeSockets(0, sockets[0]);
  ASSERT_FALSE(gang);
  EXPECT_EQ(gang.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(gang.error().message, HasSubstr("what is no frame"));
  close(sockets[1][0]);
}

}  // namespace
}  // namespace dure::model::collective
