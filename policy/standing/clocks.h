// The record's time is the aggregator's word: by it votes end, and embargoes, terms and duties run
// out. A replay cannot know that it is wrong, so each holder of a copy compares the entries that
// are new to it with its own clock. Pure.
#pragma once

#include <chrono>
#include <optional>

#include "federation/clock.h"
#include "policy/ledger/ledger.h"
#include "policy/standing/standing.h"

namespace dure::standing {

// Clocks that differ by more are no fault of a network: hours of a vote or of an embargo are at
// stake, and certificates would fail before.
inline constexpr std::chrono::minutes kClockDifferenceMax{30};

// The rule of what it finds.
inline constexpr const char* kClockRule = "clock";

struct Clocks {
  WallTime now;                  // at this holder
  std::optional<WallTime> seen;  // when the copy was last known to end where the log did
};

// The first entry of the aggregator in [from, log's size) whose time is none: of the future, or of
// before `seen`, when it was not there yet; by more than kClockDifferenceMax. `standing` is
// of the whole log. Errors of the log.
Result<std::optional<Finding>> CompareClocks(const ledger::LogReader& log, uint64_t from,
                                             const Standing& standing, const Clocks& clocks);

// How long a holder that stays waits for its own clock to be set right before it takes the
// aggregator's for the wrong one: a machine that was halted, or that has just started, has the
// network's time within minutes.
inline constexpr std::chrono::minutes kClockPatience{5};

// A holder's own clock, at one instant.
struct OwnClock {
  WallTime now;       // as if nobody had set it since the holder began (federation/steady_wall.h)
  Duration set_by{};  // what it was set by since then
  // Since the machine began, asleep too. Absent: a holder that does not stay and cannot wait.
  std::optional<Duration> up;
};

// The comparisons of one holder. A signed finding is for good, so it rests on a clock that was not
// set meanwhile and that had its time to be.
class ClockWatch {
 public:
  struct Judged {
    std::optional<Finding> finding;
    bool waits = false;        // it is none yet; the holder goes no further and asks again
    bool follows_set = false;  // what is new agrees with the clock as it was set
  };
  // What is new in the log from `from` on, and what an earlier call said to wait for. As
  // CompareClocks.
  Result<Judged> Look(const ledger::LogReader& log, uint64_t from, const Standing& standing,
                      const OwnClock& clock);
  // The copy ended where the log did, at this time of OwnClock::now.
  void UpToDate(WallTime at) { seen_ = at; }

 private:
  std::optional<WallTime> seen_;
  std::optional<uint64_t> waits_from_;
  Duration waits_since_{};
};

}  // namespace dure::standing
