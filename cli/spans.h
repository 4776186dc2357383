// Spans of time as people type and read them.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "federation/clock.h"
#include "federation/result.h"

namespace dure::cli {

// "45s", "30m", "12h", "7d": a whole number and one unit. kInvalid: anything else, zero, or over
// ten years.
Result<std::chrono::seconds> ParseSpan(std::string_view text);

// "in 6 d 23 h", "4 min ago": from `now` to `then` in its two largest units.
std::string FormatSpan(WallTime then, WallTime now);

}  // namespace dure::cli
