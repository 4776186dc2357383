// WorkerPool: a few threads for work that must not run on the loop (hashing, merging, file
// reading).
//
// Life: construct, Run from any thread, Stop while whoever may still ask for work stands, destroy.
// Work computes on values it owns and its result
// comes back as a task on the loop. The queue is bounded: a full queue refuses, so that overload is
// seen where it is made.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "federation/loop/loop.h"
#include "federation/result.h"

namespace dure::loop {

inline constexpr size_t kWorkQueueMax = 1024;  // several per site at kSitesMax

class WorkerPool {
 public:
  explicit WorkerPool(size_t threads, size_t queue_max = kWorkQueueMax);
  ~WorkerPool();  // stops it

  // Finishes the work already accepted, and accepts no more. Idempotent. REQUIRES: not called by
  // work of this pool.
  void Stop();

  // kExhausted: the queue is full; kCancelled: it was stopped. Then nothing was accepted.
  Status Run(std::function<void()> work);

  // Computes `work()` on a worker and hands its value to `done` on the loop. If the loop has
  // stopped by then the value is dropped. Errors as Run: `done` will not be called.
  template <typename Work, typename Done>
  Status RunThen(EventLoop& loop, Work work, Done done) {
    using Value = std::invoke_result_t<Work&>;
    return Run([&loop, work = std::move(work), done = std::move(done)]() mutable {
      // std::function wants copies; a shared box carries values that only move.
      auto value = std::make_shared<Value>(work());
      loop.Post([value, done = std::move(done)]() mutable { done(std::move(*value)); });
    });
  }

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Work whose answer comes back to an owner on the loop, if it still stands (*alive) then. While the
// pool is full the same is tried again.
template <typename Work, typename Done>
void RunFor(std::shared_ptr<bool> alive, EventLoop& loop, WorkerPool& pool, Work work, Done done) {
  auto answer = [alive, done](auto value) {
    if (*alive) done(std::move(value));
  };
  const Status queued = pool.RunThen(loop, work, answer);
  if (queued || queued.error().code != ErrorCode::kExhausted) return;
  loop.At(loop.Now() + std::chrono::seconds(1), [alive, &loop, &pool, work, done] {
    if (*alive) RunFor(alive, loop, pool, work, done);
  });
}

}  // namespace dure::loop
