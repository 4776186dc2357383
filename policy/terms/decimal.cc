#include "policy/terms/decimal.h"

#include <cmath>
#include <cstdio>

namespace dure::terms {

std::optional<uint64_t> ParseMillionths(std::string_view text) {
  uint64_t value = 0;
  int decimals = -1;  // before the point
  size_t digits = 0;
  for (const char c : text) {
    if (c == '.' && decimals < 0 && digits > 0) {
      decimals = 0;
      continue;
    }
    if (c < '0' || c > '9' || ++digits > 16 || decimals == 6) return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(c - '0');
    if (decimals >= 0) decimals++;
  }
  if (digits == 0 || decimals == 0) return std::nullopt;
  for (int i = decimals < 0 ? 0 : decimals; i < 6; ++i) {
    if (value > kMillionthsMax) return std::nullopt;
    value *= 10;
  }
  if (value > kMillionthsMax) return std::nullopt;
  return value;
}

std::optional<uint64_t> MillionthsOf(double value) {
  if (!(value >= 0 && value <= 1e9)) return std::nullopt;
  const double millionths = std::round(value * 1e6);
  if (!(std::abs(value * 1e6 - millionths) <= 1e-3)) return std::nullopt;
  return static_cast<uint64_t>(millionths);
}

std::string FormatMillionths(uint64_t millionths) {
  char text[40];
  std::snprintf(text, sizeof text, "%llu.%06llu",
                static_cast<unsigned long long>(millionths / 1'000'000),
                static_cast<unsigned long long>(millionths % 1'000'000));
  std::string trimmed = text;
  while (trimmed.back() == '0') trimmed.pop_back();
  if (trimmed.back() == '.') trimmed.pop_back();
  return trimmed;
}

}  // namespace dure::terms
