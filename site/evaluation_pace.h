// How long the desk of evaluations waits for an answer of the aggregator. Inside this room only.
#pragma once

#include <algorithm>
#include <chrono>

#include "federation/clock.h"
#include "federation/result.h"

namespace dure::site {

// An aggregator that has just started may take no entry before it has compared its log with what
// members hold, and a line may be down for a while: what took hours to measure waits for about two
// hours.
inline constexpr int kTriesMax = 128;
inline constexpr std::chrono::milliseconds kFirstPause{500};  // doubles
inline constexpr std::chrono::milliseconds kLastPause{60'000};

inline bool MayTryAgain(const Error& error, int tried) {
  return error.code == ErrorCode::kUnavailable && tried + 1 < kTriesMax;
}
inline Duration PauseAfter(int tried) {
  return std::min(kLastPause, kFirstPause * (1 << std::min(tried, 7)));
}

}  // namespace dure::site
