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
  // `perform` is false for an effect that must be tried again; `stalled` is then told once a try.
  EffectQueue(EventLoop& loop, std::function<bool(const Effect&)> perform,
              std::function<void()> stalled)
      : loop_(loop), perform_(std::move(perform)), stalled_call_(std::move(stalled)) {}
  ~EffectQueue() { *alive_ = false; }
  EffectQueue(const EffectQueue&) = delete;
  EffectQueue& operator=(const EffectQueue&) = delete;

  void Push(std::vector<Effect> effects) {
    for (Effect& effect : effects) waiting_.push_back(std::move(effect));
    Drain();
  }

 private:
  void Drain() {
    if (draining_ || stalled_) return;
    draining_ = true;
    while (!waiting_.empty()) {
      if (!perform_(waiting_.front())) {
        Stall();
        break;
      }
      waiting_.pop_front();
    }
    draining_ = false;
  }
  void Stall() {
    stalled_ = true;
    if (stalled_call_) stalled_call_();
    loop_.At(loop_.Now() + kEffectRetry, [this, alive = alive_] {
      if (!*alive) return;
      stalled_ = false;
      Drain();
    });
  }

  EventLoop& loop_;
  std::function<bool(const Effect&)> perform_;
  std::function<void()> stalled_call_;
  std::deque<Effect> waiting_;
  bool draining_ = false;
  bool stalled_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace dure::loop
