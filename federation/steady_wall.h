// The time of day, against clocks that are set by a wrong hand: a step is not followed.
#pragma once

#include <chrono>
#include <mutex>

#include "federation/clock.h"

namespace dure {

// What a clock may be set by at once: more than a leap second or a correction after a slow start,
// less than what the time of a record is compared by (policy/standing/clocks.h).
inline constexpr std::chrono::minutes kClockStepMax{10};

// Thread-safe.
class SteadyWall {
 public:
  explicit SteadyWall(const Clock& clock)
      : clock_(clock), wall_(clock.WallNow()), up_(clock.SinceBoot()) {}

  // The wall clock's time; once that was set by more than kClockStepMax, forward or back, the time
  // that it would have without, until it is back near it or Follow is called. A machine that sleeps
  // sets nothing. A new process follows the clock it finds.
  WallTime Now() { return Read().time; }

  struct Reading {
    WallTime time;
    Duration set_by{};  // what `time` leaves out; zero: it is the wall clock's
    Duration up{};      // since the machine began
  };
  Reading Read() {
    const std::lock_guard lock(mutex_);
    const WallTime wall = clock_.WallNow();
    const Duration up = clock_.SinceBoot();
    const WallTime unset = wall_ + (up - up_);
    if (std::chrono::abs(wall - unset) > kClockStepMax) return {unset, wall - unset, up};
    wall_ = wall;
    up_ = up;
    return {wall, {}, up};
  }
  // The time as it was set is the right one.
  void Follow() {
    const std::lock_guard lock(mutex_);
    wall_ = clock_.WallNow();
    up_ = clock_.SinceBoot();
  }

 private:
  const Clock& clock_;
  std::mutex mutex_;
  WallTime wall_;
  Duration up_;
};

}  // namespace dure
