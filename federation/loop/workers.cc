#include "federation/loop/workers.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace dure::loop {

struct WorkerPool::State {
  size_t queue_max = 0;
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::function<void()>> queue;  // guarded by mutex
  bool stopping = false;                    // guarded by mutex
  std::vector<std::thread> threads;

  void Serve() {
    std::unique_lock lock(mutex);
    while (true) {
      wake.wait(lock, [this] { return stopping || !queue.empty(); });
      if (queue.empty()) return;
      auto work = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      work();
      work = nullptr;
      lock.lock();
    }
  }
};

WorkerPool::WorkerPool(size_t threads, size_t queue_max) : state_(std::make_unique<State>()) {
  state_->queue_max = queue_max;
  for (size_t i = 0; i < threads; ++i) {
    state_->threads.emplace_back([state = state_.get()] { state->Serve(); });
  }
}

WorkerPool::~WorkerPool() { Stop(); }

void WorkerPool::Stop() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->wake.notify_all();
  for (auto& thread : std::exchange(state_->threads, {})) thread.join();
}

Status WorkerPool::Run(std::function<void()> work) {
  {
    std::lock_guard lock(state_->mutex);
    if (state_->stopping) return Fail(ErrorCode::kCancelled, "the workers have stopped");
    if (state_->queue.size() >= state_->queue_max) {
      return Fail(ErrorCode::kExhausted,
                  "the work queue is full (" + std::to_string(state_->queue_max) + " waiting)");
    }
    state_->queue.push_back(std::move(work));
  }
  state_->wake.notify_one();
  return {};
}

}  // namespace dure::loop
