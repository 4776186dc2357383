#include "aggregator/timekeeper.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace dure::aggregator {
namespace {

std::string Minutes(Duration time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::minutes>(time).count()) +
         " minutes";
}

}  // namespace

WallTime Timekeeper::Now() {
  const std::lock_guard lock(mutex_);
  return std::max(latest_, wall_.Now());
}

WallTime Timekeeper::Stamp() {
  const std::lock_guard lock(mutex_);
  latest_ = std::max(latest_, wall_.Now());
  return latest_;
}

void Timekeeper::NotBefore(WallTime time) {
  const std::lock_guard lock(mutex_);
  latest_ = std::max(latest_, time);
}

void Timekeeper::Hear(const SiteId& site, WallTime time) {
  const std::lock_guard lock(mutex_);
  at_boot_[site] = time - clock_.SinceBoot();
}

void Timekeeper::Forget(const SiteId& site) {
  const std::lock_guard lock(mutex_);
  at_boot_.erase(site);
}

size_t Timekeeper::Agree(WallTime time, Duration by) const {
  const Duration up = clock_.SinceBoot();
  return static_cast<size_t>(std::ranges::count_if(
      at_boot_, [&](const auto& each) { return std::chrono::abs(each.second + up - time) <= by; }));
}

Duration Timekeeper::MedianDifference(WallTime time) const {
  const Duration up = clock_.SinceBoot();
  std::vector<Duration> differences;
  for (const auto& [site, at_boot] : at_boot_) differences.push_back(at_boot + up - time);
  std::ranges::sort(differences);
  return differences[differences.size() / 2];
}

std::string Timekeeper::Doubt() {
  const SteadyWall::Reading now = wall_.Read();
  const size_t heard = at_boot_.size();
  const bool keeps = 2 * Agree(now.time, kClocksDifferMax) > heard;
  const bool follows = 2 * Agree(now.time + now.set_by, kClockStepMax) > heard;
  const bool was_kept = std::exchange(kept_, now.set_by != Duration::zero() && keeps);
  if (kept_ && !was_kept) {
    say_("this machine's clock was set by " + Minutes(now.set_by) +
         ": the record keeps the time before, which the sites' clocks show. Set the clock right");
  }
  if (kept_) return "";
  if (now.set_by != Duration::zero() && follows) {
    wall_.Follow();
    say_("this machine's clock was set by " + Minutes(now.set_by) +
         ", to what the sites' clocks show: the record follows it");
    return "";
  }
  if (now.set_by != Duration::zero()) {
    return "this machine's clock was set by " + Minutes(now.set_by) +
           ", and no majority of connected sites says which time is right. Set the clock right; "
           "if it is right now, restart the aggregator";
  }
  const bool differs = 2 * (heard - Agree(now.time, kClocksDifferMax)) > heard;
  if (!differs) return "";
  return "the clocks of most connected sites differ from this machine's by about " +
         Minutes(MedianDifference(now.time)) +
         ", and would refuse the record's time. Set the "
         "clock right that is wrong";
}

Status Timekeeper::MayWrite() {
  const std::lock_guard lock(mutex_);
  const std::string doubt = Doubt();
  const bool before = std::exchange(in_doubt_, !doubt.empty());
  if (in_doubt_ && !before) say_("nothing is recorded: " + doubt);
  if (!in_doubt_ && before) say_("the clock is in doubt no more: the record is written to again");
  return in_doubt_ ? Status(Fail(ErrorCode::kUnavailable, doubt)) : Status();
}

}  // namespace dure::aggregator
