// Points in time as terms name them: UTC, whole seconds, years 1970 to 9999.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dure::terms {

struct Instant {
  int64_t seconds = 0;  // since 1970-01-01T00:00:00Z
  auto operator<=>(const Instant&) const = default;
};

// What a day without a time of day means: "valid until 31 December" includes that day.
enum class DayPart { kFirstSecond, kLastSecond };

// "2027-12-31", "2027-12-31T09:00:00Z" or "2027-12-31T09:00:00+09:00"; nullopt: none of these.
std::optional<Instant> ParseInstant(std::string_view text, DayPart day_part);

std::string FormatInstant(Instant instant);  // 2027-12-31T00:00:00Z, RFC 3339

}  // namespace dure::terms
