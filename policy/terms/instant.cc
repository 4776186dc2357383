#include "policy/terms/instant.h"

#include <chrono>
#include <cstdio>

namespace dure::terms {
namespace {

constexpr int64_t kDaySeconds = 86400;
constexpr int64_t kLatest = 253402300799;  // 9999-12-31T23:59:59Z

// Exactly `digits` decimal digits from the front.
std::optional<int> TakeNumber(std::string_view& text, size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool Take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<int64_t> TakeDay(std::string_view& text) {
  const auto year = TakeNumber(text, 4);
  if (!year || !Take(text, '-')) return std::nullopt;
  const auto month = TakeNumber(text, 2);
  if (!month || !Take(text, '-')) return std::nullopt;
  const auto day = TakeNumber(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count() * kDaySeconds;
}

// "09:00", up to 23:59.
std::optional<int> TakeMinutes(std::string_view& text) {
  const auto hour = TakeNumber(text, 2);
  if (!hour || *hour > 23 || !Take(text, ':')) return std::nullopt;
  const auto minute = TakeNumber(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  return *hour * 60 + *minute;
}

// Seconds that the written clock is ahead of UTC.
std::optional<int64_t> TakeOffset(std::string_view& text) {
  if (Take(text, 'Z')) return 0;
  const bool ahead = Take(text, '+');
  if (!ahead && !Take(text, '-')) return std::nullopt;
  const auto minutes = TakeMinutes(text);
  if (!minutes) return std::nullopt;
  return (ahead ? 60 : -60) * int64_t{*minutes};
}

}  // namespace

std::optional<Instant> ParseInstant(std::string_view text, DayPart day_part) {
  const auto day = TakeDay(text);
  if (!day) return std::nullopt;
  int64_t seconds = *day;
  if (text.empty()) {
    seconds += day_part == DayPart::kLastSecond ? kDaySeconds - 1 : 0;
  } else {
    if (!Take(text, 'T')) return std::nullopt;
    const auto minutes = TakeMinutes(text);
    if (!minutes || !Take(text, ':')) return std::nullopt;
    const auto second = TakeNumber(text, 2);
    if (!second || *second > 59) return std::nullopt;
    const auto offset = TakeOffset(text);
    if (!offset || !text.empty()) return std::nullopt;
    seconds += int64_t{*minutes} * 60 + *second - *offset;
  }
  if (seconds < 0 || seconds > kLatest) return std::nullopt;
  return Instant{seconds};
}

std::string FormatInstant(Instant instant) {
  const auto day = std::chrono::sys_days(std::chrono::days(instant.seconds / kDaySeconds));
  const std::chrono::year_month_day date(day);
  const int64_t rest = instant.seconds % kDaySeconds;
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(rest / 3600), static_cast<int>(rest / 60 % 60),
                static_cast<int>(rest % 60));
  return text;
}

}  // namespace dure::terms
