// The only source of time. Core code takes a Clock or, better, a time in its event.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace dure {

using Duration = std::chrono::microseconds;
// Monotonic, since an arbitrary start; comparable only within one process life.
using MonoTime = std::chrono::time_point<std::chrono::steady_clock, Duration>;
// UTC. May jump; never used to decide how long something took.
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonoTime Now() const = 0;
  virtual WallTime WallNow() const = 0;
  // Time since the machine began, which passes while it sleeps, too.
  virtual Duration SinceBoot() const = 0;
  // Runs `task` once at or after `when`, on the clock's own thread, never inside this call.
  virtual void At(MonoTime when, std::function<void()> task) = 0;
};

std::string FormatRfc3339(WallTime time);  // 2026-11-24T01:02:03Z

}  // namespace dure
