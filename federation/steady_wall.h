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
      : clock_(clock), wall_(clock.WallNow()), mono_(clock.Now()) {}

  // The wall clock's time; once that was set by more than kClockStepMax, forward or back, the time
  // that it would have without, until it is back near it. A new process follows the clock it finds.
  WallTime Now() {
    const std::lock_guard lock(mutex_);
    const WallTime wall = clock_.WallNow();
    const MonoTime mono = clock_.Now();
    const WallTime unset = wall_ + (mono - mono_);
    stepped_by_ = wall - unset;
    if (std::chrono::abs(stepped_by_) > kClockStepMax) return unset;
    stepped_by_ = {};
    wall_ = wall;
    mono_ = mono;
    return wall;
  }

  // What the last answer left out; zero: it was the wall clock's.
  Duration stepped_by() const {
    const std::lock_guard lock(mutex_);
    return stepped_by_;
  }

 private:
  const Clock& clock_;
  mutable std::mutex mutex_;
  WallTime wall_;
  MonoTime mono_;
  Duration stepped_by_{};
};

}  // namespace dure
