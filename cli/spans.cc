#include "cli/spans.h"

#include <charconv>

namespace dure::cli {
namespace {

constexpr int64_t kSecondsMax = int64_t{3653} * 86400;

int64_t SecondsOf(char unit) {
  switch (unit) {
    case 's':
      return 1;
    case 'm':
      return 60;
    case 'h':
      return 3600;
    case 'd':
      return 86400;
    default:
      return 0;
  }
}

std::string Units(int64_t seconds) {
  const auto two = [](int64_t large, const char* l, int64_t small, const char* s) {
    std::string text = std::to_string(large) + " " + l;
    if (small > 0) text += " " + std::to_string(small) + " " + s;
    return text;
  };
  if (seconds >= 86400) return two(seconds / 86400, "d", seconds % 86400 / 3600, "h");
  if (seconds >= 3600) return two(seconds / 3600, "h", seconds % 3600 / 60, "min");
  if (seconds >= 60) return two(seconds / 60, "min", seconds % 60, "s");
  return std::to_string(seconds) + " s";
}

}  // namespace

Result<std::chrono::seconds> ParseSpan(std::string_view text) {
  const auto wrong = [text] {
    return Fail(ErrorCode::kInvalid, "'" + std::string(text.substr(0, 40)) +
                                         "' is no span of time (for example 30m, 12h, 7d)");
  };
  if (text.size() < 2) return wrong();
  const int64_t unit = SecondsOf(text.back());
  const std::string_view digits = text.substr(0, text.size() - 1);
  int64_t count = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), count);
  if (error != std::errc() || end != digits.end() || unit == 0) return wrong();
  if (count <= 0 || count > kSecondsMax / unit) return wrong();
  return std::chrono::seconds(count * unit);
}

std::string FormatSpan(WallTime then, WallTime now) {
  const int64_t seconds = std::chrono::floor<std::chrono::seconds>(then - now).count();
  return seconds >= 0 ? "in " + Units(seconds) : Units(-seconds) + " ago";
}

}  // namespace dure::cli
