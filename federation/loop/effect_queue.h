// EffectQueue: effects of a state machine, performed in their order; one that cannot be done now
// holds back all behind it and is tried again.
//
// Life: on the loop, destroyed there. Performing an effect may push more: they go to the end.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "federation/loop/loop.h"

namespace dure::loop {

inline constexpr std::chrono::seconds kEffectRetry{1};

template <typename Effect>
class EffectQueue {
 public:
  struct Calls {
    std::function<bool(const Effect&)> perform;  // false: it must be tried again
    std::function<void()> stalled;               // once a try; may be empty
    std::function<void()> settled;               // nothing more can be done for now; may be empty
  };
  EffectQueue(EventLoop& loop, Calls calls) : loop_(loop), calls_(std::move(calls)) {}
  ~EffectQueue() { *alive_ = false; }
  EffectQueue(const EffectQueue&) = delete;
  EffectQueue& operator=(const EffectQueue&) = delete;

  void Push(std::vector<Effect> effects) {
    for (Effect& effect : effects) waiting_.push_back(std::move(effect));
    Drain();
  }
  // From the effect that is being performed on.
  const std::deque<Effect>& waiting() const { return waiting_; }

 private:
  void Drain() {
    if (draining_ || stalled_) return;
    draining_ = true;
    while (!waiting_.empty()) {
      if (!calls_.perform(waiting_.front())) {
        Stall();
        break;
      }
      waiting_.pop_front();
    }
    draining_ = false;
    if (calls_.settled) calls_.settled();
  }
  void Stall() {
    stalled_ = true;
    if (calls_.stalled) calls_.stalled();
    loop_.At(loop_.Now() + kEffectRetry, [this, alive = alive_] {
      if (!*alive) return;
      stalled_ = false;
      Drain();
    });
  }

  EventLoop& loop_;
  Calls calls_;
  std::deque<Effect> waiting_;
  bool draining_ = false;
  bool stalled_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace dure::loop
