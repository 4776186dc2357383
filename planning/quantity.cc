#include "planning/quantity.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <span>

namespace dure::planning {
namespace {

struct Unit {
  std::string_view name;
  double value;
};

constexpr Unit kCounts[] = {{"", 1}, {"K", 1e3}, {"M", 1e6}, {"B", 1e9}, {"T", 1e12}};
constexpr Unit kBytes[] = {{"B", 1},    {"KB", 1e3},  {"MB", 1e6},
                           {"GB", 1e9}, {"TB", 1e12}, {"PB", 1e15}};
constexpr Unit kRates[] = {{"BPS", 1}, {"KBPS", 1e3}, {"MBPS", 1e6}, {"GBPS", 1e9}, {"TBPS", 1e12},
                           {"B/S", 1}, {"KB/S", 1e3}, {"MB/S", 1e6}, {"GB/S", 1e9}, {"TB/S", 1e12}};

Result<double> Parse(std::string_view text, std::span<const Unit> units, const char* example) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  std::string rest(end, text.data() + text.size());
  rest.erase(0, rest.find_first_not_of(' ') == std::string::npos ? rest.size()
                                                                 : rest.find_first_not_of(' '));
  std::transform(rest.begin(), rest.end(), rest.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  const auto unit =
      std::find_if(units.begin(), units.end(), [&](const Unit& one) { return one.name == rest; });
  if (error == std::errc() && unit != units.end()) {
    const double value = number * unit->value;
    if (value > 0 && value <= 1e18) return value;
  }
  return Fail(ErrorCode::kInvalid, "'" + std::string(text) + "' is not such as " + example);
}

std::string Text(double value, std::span<const Unit> units) {
  const Unit* best = &units.front();
  for (const Unit& unit : units) {
    if (value >= 0.9995 * unit.value) best = &unit;
  }
  const double scaled = value / best->value;
  // Three digits: 1.35, 13.5, 135, and whole numbers beyond.
  const int decimals = scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;
  char text[48];
  std::snprintf(text, sizeof text, "%.*f", decimals, scaled);
  std::string number = text;
  if (number.find('.') != std::string::npos) {
    number.erase(number.find_last_not_of('0') + 1);
    if (number.back() == '.') number.pop_back();
  }
  return best->name.empty() ? number : number + " " + std::string(best->name);
}

}  // namespace

Result<double> ParseCount(std::string_view text) { return Parse(text, kCounts, "204B or 512"); }
Result<double> ParseRate(std::string_view text) { return Parse(text, kRates, "10Gbps"); }
Result<double> ParseBytes(std::string_view text) { return Parse(text, kBytes, "80GB"); }

std::string CountText(double count) {
  if (!(count >= 99.95 && count < 99999.5)) return Text(count, kCounts);
  std::string digits = std::to_string(std::llround(count));
  if (digits.size() > 3) digits.insert(digits.size() - 3, ",");
  return digits;
}
std::string BytesText(double bytes) { return Text(bytes, kBytes); }

std::string RateText(double bits_per_second) {
  constexpr Unit kUnits[] = {
      {"b/s", 1}, {"Kb/s", 1e3}, {"Mb/s", 1e6}, {"Gb/s", 1e9}, {"Tb/s", 1e12}};
  return Text(bits_per_second, kUnits);
}

std::string SecondsText(double seconds) {
  constexpr Unit kUnits[] = {{"ms", 1e-3}, {"s", 1}, {"min", 60}, {"h", 3600}, {"days", 86400}};
  // Up to two units' worth stays in the smaller: 90 s, 36 h.
  if (seconds >= 60 && seconds < 120) return Text(seconds, std::span(kUnits).subspan(1, 1));
  if (seconds >= 3600 && seconds < 7200) return Text(seconds, std::span(kUnits).subspan(2, 1));
  if (seconds >= 86400 && seconds < 172800) return Text(seconds, std::span(kUnits).subspan(3, 1));
  return Text(seconds, kUnits);
}

std::string PercentText(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", 100 * share);
  return text;
}

}  // namespace dure::planning
