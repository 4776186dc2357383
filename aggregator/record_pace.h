// RecordPace: how much one seat may put into the record in a time. What is there stays for good, on
// the disk of every member and in every replay; so what a seat says of its own accord is bounded by
// a bucket of entries and one of bytes, which start full and fill again over time. Nobody who works
// sees it: the bucket holds a year of an institution's datasets, votes and grants.
//
// On the loop. In memory alone: a restart fills it.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "federation/clock.h"
#include "federation/result.h"
#include "federation/token_bucket.h"

namespace dure::aggregator {

inline constexpr double kPaceEntries = 1024;
inline constexpr double kPaceBytes = 16.0 * 1024 * 1024;
inline constexpr std::chrono::hours kPaceRefill{8};  // from empty to full

class RecordPace {
 public:
  // kUnavailable: the seat has said too much lately; the message says when it may go on.
  Status Take(const std::string& seat, uint64_t bytes, MonoTime now);

 private:
  struct Room {
    TokenBucket entries{kPaceEntries, kPaceRefill};
    TokenBucket bytes{kPaceBytes, kPaceRefill};
  };
  std::map<std::string, Room> rooms_;
};

}  // namespace dure::aggregator
