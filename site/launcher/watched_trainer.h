// For tests: a trainer whose events can be waited for.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "site/launcher/launcher.h"

namespace dure::launcher {

class WatchedTrainer {
 public:
  static constexpr std::chrono::seconds kPatience{60};

  explicit WatchedTrainer(std::unique_ptr<Launcher> launcher = std::make_unique<LocalLauncher>())
      : launcher_(std::move(launcher)) {}

  Status Start(const TrainerSpec& spec) {
    TrainerObserver observer;
    observer.on_event = [this](const seat::Event& event) {
      const std::lock_guard lock(mutex_);
      events_.push_back(event);
      changed_.notify_all();
    };
    observer.on_bad_line = [this](const Error&) {
      const std::lock_guard lock(mutex_);
      ++bad_lines_;
      changed_.notify_all();
    };
    observer.on_exit = [this](const TrainerExit& exit) {
      const std::lock_guard lock(mutex_);
      exit_ = exit;
      changed_.notify_all();
    };
    DURE_ASSIGN(trainer_, launcher_->Start(spec, std::move(observer)));
    return {};
  }

  Trainer& operator*() { return *trainer_; }
  Trainer* operator->() { return trainer_.get(); }

  // The next event of this kind; events before it are dropped. Empty: the trainer ended, a minute
  // passed, or an unasked error came (`error` has it).
  template <typename E>
  std::optional<E> Next() {
    std::unique_lock lock(mutex_);
    for (;;) {
      const bool any =
          changed_.wait_for(lock, kPatience, [this] { return !events_.empty() || exit_; });
      if (!any || events_.empty()) return std::nullopt;
      const seat::Event event = events_.front();
      events_.pop_front();
      if (const E* wanted = std::get_if<E>(&event)) return *wanted;
      if (const auto* failed = std::get_if<seat::ErrorEvent>(&event)) {
        error = failed->code + ": " + failed->message;
        return std::nullopt;
      }
    }
  }

  // Empty: it runs on.
  std::optional<TrainerExit> Exit(std::chrono::seconds patience = kPatience) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [this] { return exit_.has_value(); });
    return exit_;
  }

  bool SawBadLines(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return bad_lines_ >= count; });
  }

  std::string error;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<seat::Event> events_;
  int bad_lines_ = 0;
  std::optional<TrainerExit> exit_;
  std::unique_ptr<Launcher> launcher_;
  std::unique_ptr<Trainer> trainer_;  // last: it calls the others until it is gone
};

}  // namespace dure::launcher
