// Timekeeper: the record's time, and whether the record may be written by it.
//
// Each holder of a copy compares the times of new entries with its own clock, and what it finds
// wrong it signs (policy/standing/clocks.h): by an entry that this machine's clock was wrong for,
// every site would dissent. So nothing is written while that clock is in doubt: it was set by more
// than kClockStepMax since the aggregator began, or most of the connected sites show another time.
// They say what theirs shows whenever they show the head that they hold. Most of them settle it:
// the time before goes on, or the one that the clock was set to is followed. A machine that sleeps
// is in no doubt.
//
// Thread-safe; `say` is called from whatever thread asks.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "federation/ids.h"
#include "federation/result.h"
#include "federation/steady_wall.h"

namespace dure::aggregator {

// Sites dissent at 30 minutes; a message is on its way for some seconds.
inline constexpr std::chrono::minutes kClocksDifferMax{25};

class Timekeeper {
 public:
  // `clock` outlives it.
  Timekeeper(const Clock& clock, std::function<void(const std::string&)> say)
      : clock_(clock), wall_(clock), say_(std::move(say)) {}

  // The time that an entry made now would have: never earlier than one that has been written.
  WallTime Now();
  // The same, for an entry that is written.
  WallTime Stamp();
  void NotBefore(WallTime time);

  // What the clock of a connected site shows now. It counts until Forget.
  void Hear(const SiteId& site, WallTime time);
  void Forget(const SiteId& site);

  // kUnavailable: the clock is in doubt; the message says what to do. Says when that begins and
  // ends, so ask now and then.
  Status MayWrite();

 private:
  // Those of the heard clocks that differ from `time` by no more.
  size_t Agree(WallTime time, Duration by) const;
  Duration MedianDifference(WallTime time) const;  // REQUIRES: one was heard
  std::string Doubt();                             // empty: none

  const Clock& clock_;
  SteadyWall wall_;
  const std::function<void(const std::string&)> say_;
  std::mutex mutex_;                    // of what follows
  std::map<SiteId, WallTime> at_boot_;  // what the site's clock showed when this machine began
  WallTime latest_{};                   // of what was written
  bool in_doubt_ = false;               // and said so
  bool kept_ = false;                   // the time before goes on, and said so
};

}  // namespace dure::aggregator
