#include "model/collective/queue.h"

namespace dure::model::collective {

Queue::Queue(Collective& gang) : gang_(gang), thread_([this] { Serve(); }) {}

Queue::~Queue() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

uint64_t Queue::Push(Work work) {
  const std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(work));
  changed_.notify_all();
  return ++pushed_;
}

void Queue::Wait(uint64_t ticket) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return done_ >= ticket; });
}

Status Queue::Finish() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return done_ == pushed_; });
  return status_;
}

void Queue::Serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return ending_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const Work work = std::move(waiting_.front());
    waiting_.pop_front();
    if (status_) {
      lock.unlock();
      const Status done = work(gang_);
      lock.lock();
      if (!done) status_ = done;
    }
    ++done_;
    changed_.notify_all();
  }
}

}  // namespace dure::model::collective
