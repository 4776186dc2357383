#include "federation/loop/loop.h"

#include <gmock/gmock.h>

#include <future>
#include <vector>

#include "federation/loop/workers.h"

namespace dure::loop {
namespace {

using std::chrono::microseconds;
using testing::ElementsAre;

TEST(EventLoop, RunsPostedTasksInOrderOnItsOwnThread) {
  std::vector<int> order;
  bool in_loop = false;
  {
    EventLoop loop;
    EXPECT_FALSE(loop.InLoop());
    loop.Post([&] { order.push_back(1); });
    loop.Post([&] { order.push_back(2); });
    loop.Post([&] { in_loop = loop.InLoop(); });
  }
  EXPECT_THAT(order, ElementsAre(1, 2));
  EXPECT_TRUE(in_loop);
}

TEST(EventLoop, TheDestructorDrainsTasksThatTasksPost) {
  int depth = 0;
  {
    EventLoop loop;
    std::function<void()> again = [&] {
      if (++depth < 100) {
        EXPECT_TRUE(loop.Post(again));
      }
    };
    loop.Post(again);
    loop.Stop();
    EXPECT_FALSE(loop.Post([] {}));
  }
  EXPECT_EQ(depth, 100);
}

TEST(EventLoop, TimersRunInOrderOfTimeThenOfSetting) {
  EventLoop loop;
  std::promise<void> all;
  std::vector<int> order;
  loop.Post([&] {
    const MonoTime now = loop.Now();
    loop.At(now + microseconds(2000), [&] {
      order.push_back(4);
      all.set_value();
    });
    loop.At(now + microseconds(1000), [&] { order.push_back(2); });
    loop.At(now + microseconds(1000), [&] { order.push_back(3); });
    loop.At(now - microseconds(1), [&] { order.push_back(1); });
    EXPECT_TRUE(order.empty()) << "a timer ran inside the call that set it";
  });
  all.get_future().wait();
  EXPECT_THAT(order, ElementsAre(1, 2, 3, 4));
}

TEST(EventLoop, ATimerNeverRunsEarly) {
  EventLoop loop;
  const MonoTime due = loop.Now() + microseconds(3000);
  std::promise<MonoTime> ran;
  loop.At(due, [&] { ran.set_value(loop.Now()); });
  EXPECT_GE(ran.get_future().get(), due);
}

TEST(EventLoop, AnEarlierTimerSetLaterRunsFirst) {
  EventLoop loop;
  std::promise<void> early;
  loop.At(loop.Now() + std::chrono::hours(10), [] { FAIL() << "ten hours did not pass"; });
  loop.At(loop.Now() + microseconds(10), [&] { early.set_value(); });
  early.get_future().wait();
}

TEST(EventLoop, WaitReturnsAfterTheTaskAndRefusesAfterStop) {
  EventLoop loop;
  int seen = 0;
  EXPECT_TRUE(loop.Wait([&] {
    EXPECT_TRUE(loop.Wait([&] { seen = 1; })) << "on the loop it runs at once";
    seen += 1;
  }));
  EXPECT_EQ(seen, 2);
  loop.Stop();
  EXPECT_FALSE(loop.Wait([&] { seen = 99; }));
  EXPECT_EQ(seen, 2);
}

TEST(WorkerPool, BringsAMoveOnlyResultBackToTheLoop) {
  EventLoop loop;
  WorkerPool pool(2);
  std::promise<int> result;
  ASSERT_TRUE(pool.RunThen(
      loop, [] { return std::make_unique<int>(7); },
      [&](std::unique_ptr<int> value) {
        EXPECT_TRUE(loop.InLoop());
        result.set_value(*value);
      }));
  EXPECT_EQ(result.get_future().get(), 7);
}

TEST(WorkerPool, RefusesWhenItsQueueIsFullAndFinishesWhatItAccepted) {
  std::promise<void> gate;
  std::shared_future<void> open = gate.get_future().share();
  std::promise<void> started;
  int ran = 0;
  {
    WorkerPool pool(1, 1);
    ASSERT_TRUE(pool.Run([&] {
      started.set_value();
      open.wait();
    }));
    started.get_future().wait();
    ASSERT_TRUE(pool.Run([&] { ++ran; }));
    const Status refused = pool.Run([&] { ran += 100; });
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kExhausted);
    gate.set_value();
  }
  EXPECT_EQ(ran, 1);
}

TEST(WorkerPool, ThatWasStoppedTakesNoMoreWorkAndIsNotAskedAgain) {
  EventLoop loop;
  WorkerPool pool(1);
  int ran = 0;
  ASSERT_TRUE(pool.Run([&] { ++ran; }));
  pool.Stop();
  EXPECT_EQ(ran, 1);
  const Status refused = pool.Run([&] { ++ran; });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kCancelled);
  RunFor(
      std::make_shared<bool>(true), loop, pool, [&] { return ++ran; }, [](int) {});
  pool.Stop();
  EXPECT_EQ(ran, 1);
}

}  // namespace
}  // namespace dure::loop
