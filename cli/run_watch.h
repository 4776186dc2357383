// A run's progress lines, followed over an aggregator that restarts or cannot be reached for a
// while: sites go on by themselves, and so does whoever watches.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "cli/command.h"
#include "federation/result.h"

namespace dure::cli {

inline constexpr std::chrono::minutes kWatchPatience{10};  // without a single line
inline constexpr std::chrono::seconds kWatchAgain{2};

struct Following {
  // Calls `line` for each until it returns false or the stream ends.
  std::function<Status(const std::function<bool(const std::string&)>& line)> stream;
  std::function<bool(const std::string&)> line;  // false: the run has ended
  std::function<void()> lost;                    // said once, until the next line
  std::function<void()> found;
  std::function<void()> wait;  // for kWatchAgain
  std::function<std::chrono::steady_clock::time_point()> now;
};
// Errors of `stream`: at once where no line ever came, or where trying again does not help;
// kUnavailable after kWatchPatience.
Status FollowStream(const Following& following);

// dure run watch.
Status WatchRun(const std::string& dir, const std::string& run, Context& context);

}  // namespace dure::cli
