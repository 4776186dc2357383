// A queue of collective work beside the computation: one thread makes the calls in the order in
// which they were asked for, so that every rank makes them in the same order.
//
// Life: Push work, Wait for a ticket before touching what that work reads or writes, Finish before
// any call of one's own on the gang. After the first error nothing more is called; what was pushed
// counts as done.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "model/collective/collective.h"

namespace dure::model::collective {

class Queue {
 public:
  // REQUIRES: the gang outlives the queue.
  explicit Queue(Collective& gang);
  ~Queue();  // ends what was pushed first
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  using Work = std::function<Status(Collective&)>;
  uint64_t Push(Work work);    // its ticket
  void Wait(uint64_t ticket);  // 0: returns at once
  // All is done: the first error there ever was.
  Status Finish();

 private:
  void Serve();

  Collective& gang_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Work> waiting_;  // guarded, as all below
  uint64_t pushed_ = 0;
  uint64_t done_ = 0;
  bool ending_ = false;
  Status status_;
  std::thread thread_;
};

}  // namespace dure::model::collective
