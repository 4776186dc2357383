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

}  // namespace dure::standing
