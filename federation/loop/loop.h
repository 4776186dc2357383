// EventLoop: the real clock and the one thread on which a daemon decides.
//
// Life: construct (its thread starts), Post and At from any thread, destroy. Everything that a
// state machine needs (time, messages, finished work) arrives here as a task, so the code above
// needs no locks. A task must not block: hashing, disk and network belong to WorkerPool or to the
// transport's own threads, which post their results back.
#pragma once

#include <functional>
#include <memory>

#include "federation/clock.h"

namespace dure::loop {

// The real times, for code at the edge that has no loop: a command, a TLS handshake.
MonoTime RealMonoNow();
WallTime RealWallNow();
Duration RealSinceBoot();

class EventLoop final : public Clock {
 public:
  EventLoop();
  // Drains: runs every task already posted, and those that these post, then joins. Timers that are
  // not due are dropped. REQUIRES: not called from the loop's own thread.
  ~EventLoop() override;

  MonoTime Now() const override;
  WallTime WallNow() const override;
  Duration SinceBoot() const override;
  // Thread-safe. Timers of the same instant run in the order in which they were set. Dropped after
  // Stop.
  void At(MonoTime when, std::function<void()> task) override;

  // Runs `task` once on the loop's thread, in posting order. Thread-safe. Returns false, and drops
  // the task, after Stop has drained the loop.
  bool Post(std::function<void()> task);
  // Runs `task` on the loop and waits for it; called on the loop itself it runs at once. False when
  // the loop has stopped, in which case the task did not and will not run.
  bool Wait(std::function<void()> task);
  // What the destructor does; idempotent. REQUIRES: not called from the loop's own thread.
  void Stop();
  bool InLoop() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dure::loop
