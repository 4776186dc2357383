#include "federation/loop/loop.h"

#include <time.h>

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "federation/check.h"

namespace dure::loop {

MonoTime RealMonoNow() {
  return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
}

WallTime RealWallNow() {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

// The monotonic clock stands still while the machine sleeps.
Duration RealSinceBoot() {
  timespec since{};
  clock_gettime(CLOCK_BOOTTIME, &since);
  return std::chrono::duration_cast<Duration>(std::chrono::seconds(since.tv_sec) +
                                              std::chrono::nanoseconds(since.tv_nsec));
}

struct EventLoop::State {
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::function<void()>> posted;                               // guarded by mutex
  std::map<std::pair<MonoTime, uint64_t>, std::function<void()>> timers;  // guarded by mutex
  uint64_t timer_count = 0;                                               // guarded by mutex
  bool stopping = false;                                                  // guarded by mutex
  bool stopped = false;                                                   // guarded by mutex
  std::mutex join_mutex;
  std::thread thread;

  void Run();
  // The next task that may run now, or nothing once the loop is drained. Waits.
  std::function<void()> Next(std::unique_lock<std::mutex>& lock);
};

std::function<void()> EventLoop::State::Next(std::unique_lock<std::mutex>& lock) {
  while (true) {
    // Due timers first: a flood of posts must not starve a deadline.
    if (!stopping && !timers.empty() && timers.begin()->first.first <= RealMonoNow()) {
      auto task = std::move(timers.begin()->second);
      timers.erase(timers.begin());
      return task;
    }
    if (!posted.empty()) {
      auto task = std::move(posted.front());
      posted.pop_front();
      return task;
    }
    if (stopping) {
      stopped = true;
      return nullptr;
    }
    if (timers.empty()) {
      wake.wait(lock);
    } else {
      wake.wait_until(lock, timers.begin()->first.first);
    }
  }
}

void EventLoop::State::Run() {
  std::unique_lock lock(mutex);
  while (auto task = Next(lock)) {
    lock.unlock();
    task();
    task = nullptr;  // what the task captured dies outside the lock too
    lock.lock();
  }
}

EventLoop::EventLoop() : state_(std::make_unique<State>()) {
  state_->thread = std::thread([state = state_.get()] { state->Run(); });
}

EventLoop::~EventLoop() { Stop(); }

void EventLoop::Stop() {
  DURE_CHECK(!InLoop(), "a thread cannot join itself");
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->wake.notify_all();
  std::lock_guard join(state_->join_mutex);
  if (state_->thread.joinable()) state_->thread.join();
  // Dropped timers may own objects whose destructors call back into the loop: free them without the
  // lock.
  decltype(state_->timers) dropped;
  {
    std::lock_guard lock(state_->mutex);
    dropped.swap(state_->timers);
  }
}

MonoTime EventLoop::Now() const { return RealMonoNow(); }

WallTime EventLoop::WallNow() const { return RealWallNow(); }

Duration EventLoop::SinceBoot() const { return RealSinceBoot(); }

void EventLoop::At(MonoTime when, std::function<void()> task) {
  {
    std::lock_guard lock(state_->mutex);
    if (state_->stopping) return;
    state_->timers.emplace(std::pair(when, state_->timer_count++), std::move(task));
  }
  state_->wake.notify_one();
}

bool EventLoop::Post(std::function<void()> task) {
  {
    std::lock_guard lock(state_->mutex);
    if (state_->stopped) return false;
    state_->posted.push_back(std::move(task));
  }
  state_->wake.notify_one();
  return true;
}

bool EventLoop::Wait(std::function<void()> task) {
  if (InLoop()) {
    task();
    return true;
  }
  std::mutex mutex;
  std::condition_variable done_signal;
  bool done = false;
  const bool accepted = Post([&] {
    task();
    std::lock_guard lock(mutex);
    done = true;
    done_signal.notify_one();  // under the lock: the waiter owns both and may return at once
  });
  if (!accepted) return false;
  std::unique_lock lock(mutex);
  done_signal.wait(lock, [&] { return done; });
  return true;
}

bool EventLoop::InLoop() const { return std::this_thread::get_id() == state_->thread.get_id(); }

}  // namespace dure::loop
