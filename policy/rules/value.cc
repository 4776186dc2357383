#include "policy/rules/value.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "policy/rules/letters.h"

namespace dure::rules {
namespace {

constexpr int32_t kNanosPerWhole = 1'000'000'000;
constexpr int64_t kSecondsPerDay = 86'400;
constexpr int64_t kFirstSecond = -62'135'596'800;  // 0001-01-01
constexpr int64_t kLastSecond = 253'402'300'799;   // 9999-12-31T23:59:59

bool AllDigits(std::string_view text) { return std::all_of(text.begin(), text.end(), IsDigit); }

int64_t DigitsToNumber(std::string_view digits) {
  int64_t value = 0;
  for (const char c : digits) value = value * 10 + (c - '0');
  return value;
}

// The two digits at `at`, or -1 where there are none.
int TwoDigits(std::string_view text, size_t at) {
  if (at + 2 > text.size() || !IsDigit(text[at]) || !IsDigit(text[at + 1])) return -1;
  return (text[at] - '0') * 10 + (text[at + 1] - '0');
}

std::optional<int64_t> SecondsOfDate(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const int century = TwoDigits(text, 0);
  const int year = TwoDigits(text, 2);
  const int month = TwoDigits(text, 5);
  const int day = TwoDigits(text, 8);
  if (century < 0 || year < 0 || month < 0 || day < 0) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{century * 100 + year},
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok() || century * 100 + year < 1) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count() * kSecondsPerDay;
}

std::optional<int64_t> SecondsOfClock(std::string_view text) {
  if (text.size() != 10 || text[0] != 'T' || text[3] != ':' || text[6] != ':' || text[9] != 'Z')
    return std::nullopt;
  const int hour = TwoDigits(text, 1);
  const int minute = TwoDigits(text, 4);
  const int second = TwoDigits(text, 7);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
    return std::nullopt;
  return hour * 3600 + minute * 60 + second;
}

}  // namespace

Decimal Decimal::OfCount(uint64_t count) {
  return {static_cast<int64_t>(std::min<uint64_t>(count, INT64_MAX)), 0};
}

std::optional<Decimal> Decimal::OfDouble(double value) {
  if (!(std::fabs(value) < 9.2e18)) return std::nullopt;
  const double whole = std::floor(value);
  const double nanos = std::round((value - whole) * kNanosPerWhole);
  Decimal decimal{static_cast<int64_t>(whole), static_cast<int32_t>(nanos)};
  if (decimal.nanos == kNanosPerWhole) decimal = {decimal.whole + 1, 0};
  return decimal;
}

Result<Decimal> Decimal::Parse(std::string_view text) {
  const auto wrong = [&](const char* why) {
    return Fail(ErrorCode::kInvalid, "number \"" + std::string(text.substr(0, 40)) + "\" " + why);
  };
  const bool negative = text.starts_with('-');
  const std::string_view digits = text.substr(negative ? 1 : 0);
  const size_t point = digits.find('.');
  const std::string_view before = digits.substr(0, point);
  const std::string_view behind =
      point == std::string_view::npos ? std::string_view() : digits.substr(point + 1);
  if (before.empty() || !AllDigits(before) || !AllDigits(behind))
    return wrong("is not digits with at most one point between them");
  if (point != std::string_view::npos && behind.empty()) return wrong("ends with its point");
  if (before.size() > 18) return wrong("has more than 18 digits before the point");
  if (behind.size() > 9) return wrong("has more than 9 digits behind the point");
  Decimal decimal{DigitsToNumber(before), 0};
  std::string padded(behind);
  padded.resize(9, '0');
  decimal.nanos = static_cast<int32_t>(DigitsToNumber(padded));
  if (!negative) return decimal;
  if (decimal.nanos == 0) return Decimal{-decimal.whole, 0};
  return Decimal{-decimal.whole - 1, kNanosPerWhole - decimal.nanos};
}

std::string Decimal::ToText() const {
  const bool negative = whole < 0;
  // The magnitude as unsigned, so that the smallest number has one too.
  uint64_t above =
      negative ? uint64_t{0} - static_cast<uint64_t>(whole) : static_cast<uint64_t>(whole);
  int32_t part = nanos;
  if (negative && nanos != 0) {
    above -= 1;
    part = kNanosPerWhole - nanos;
  }
  std::string text = (negative ? "-" : "") + std::to_string(above);
  if (part == 0) return text;
  std::string behind = std::to_string(part);
  behind.insert(0, 9 - behind.size(), '0');
  while (behind.back() == '0') behind.pop_back();
  return text + "." + behind;
}

Instant Instant::At(WallTime time) {
  return {std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count()};
}

Result<Instant> Instant::Parse(std::string_view text) {
  const std::optional<int64_t> date = SecondsOfDate(text.substr(0, 10));
  const std::optional<int64_t> clock =
      text.size() == 10 ? std::optional<int64_t>(0)
                        : SecondsOfClock(text.substr(std::min<size_t>(10, text.size())));
  if (!date || !clock) {
    return Fail(ErrorCode::kInvalid, "time \"" + std::string(text.substr(0, 40)) +
                                         "\" is neither like 2026-09-01 nor like "
                                         "2026-09-01T12:30:00Z, or no such day exists");
  }
  return Instant{*date + *clock};
}

std::string Instant::ToText() const {
  const int64_t bounded = std::clamp(seconds, kFirstSecond, kLastSecond);
  const std::chrono::sys_seconds at{std::chrono::seconds{bounded}};
  const auto days = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date{days};
  const int64_t left = (at - days).count();
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02u", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  std::string written = text.data();
  if (left == 0) return written;
  std::snprintf(text.data(), text.size(), "T%02d:%02d:%02dZ", static_cast<int>(left / 3600),
                static_cast<int>(left / 60 % 60), static_cast<int>(left % 60));
  return written + text.data();
}

std::string_view Name(Kind kind) {
  switch (kind) {
    case Kind::kText:
      return "text";
    case Kind::kBool:
      return "yes or no";
    case Kind::kNumber:
      return "number";
    case Kind::kTime:
      return "time";
    case Kind::kSet:
      return "set";
  }
  return "text";
}

Value Value::Set(Items items) {
  Items flat;
  flat.reserve(items.size());
  for (Value& item : items) {
    if (const Items* inner = item.items())
      flat.insert(flat.end(), inner->begin(), inner->end());
    else
      flat.push_back(std::move(item));
  }
  std::sort(flat.begin(), flat.end());
  flat.erase(std::unique(flat.begin(), flat.end()), flat.end());
  return Value(std::move(flat));
}

Value Value::TextSet(const std::vector<std::string>& items) {
  Items texts;
  for (const std::string& item : items) texts.push_back(Text(item));
  return Set(std::move(texts));
}

std::strong_ordering Value::operator<=>(const Value& other) const {
  if (const auto by_kind = kind() <=> other.kind(); by_kind != 0) return by_kind;
  switch (kind()) {
    case Kind::kText:
      return *text() <=> *other.text();
    case Kind::kBool:
      return *boolean() <=> *other.boolean();
    case Kind::kNumber:
      return *number() <=> *other.number();
    case Kind::kTime:
      return *time() <=> *other.time();
    case Kind::kSet:
      break;
  }
  return std::lexicographical_compare_three_way(items()->begin(), items()->end(),
                                                other.items()->begin(), other.items()->end());
}

namespace {

// One form for the language (quoted where needed) and one for sentences.
std::string Print(const Value& value, bool plain) {
  switch (value.kind()) {
    case Kind::kText:
      return plain || IsSymbol(*value.text()) ? *value.text() : Quote(*value.text());
    case Kind::kBool:
      return *value.boolean() ? "true" : "false";
    case Kind::kNumber:
      return value.number()->ToText();
    case Kind::kTime:
      return value.time()->ToText();
    case Kind::kSet:
      break;
  }
  std::string inside;
  for (const Value& item : *value.items())
    inside += (inside.empty() ? "" : ", ") + Print(item, plain);
  return plain ? inside : "{" + inside + "}";
}

}  // namespace

std::string Value::ToText() const { return Print(*this, false); }
std::string Value::ToPlain() const { return Print(*this, true); }

void Value::Write(CanonicalWriter& writer) const {
  writer.U8(static_cast<uint8_t>(kind()));
  switch (kind()) {
    case Kind::kText:
      writer.Text(*text());
      return;
    case Kind::kBool:
      writer.Bool(*boolean());
      return;
    case Kind::kNumber:
      writer.I64(number()->whole).U32(static_cast<uint32_t>(number()->nanos));
      return;
    case Kind::kTime:
      writer.I64(time()->seconds);
      return;
    case Kind::kSet:
      break;
  }
  writer.U32(static_cast<uint32_t>(items()->size()));
  for (const Value& item : *items()) item.Write(writer);
}

namespace {

Result<Value> ReadScalar(Kind kind, CanonicalReader& reader) {
  switch (kind) {
    case Kind::kText:
      return Value::Text(reader.Text());
    case Kind::kBool:
      return Value::Bool(reader.Bool());
    case Kind::kNumber: {
      const int64_t whole = reader.I64();
      const uint32_t nanos = reader.U32();
      if (nanos >= static_cast<uint32_t>(kNanosPerWhole)) break;
      return Value::Number(Decimal{whole, static_cast<int32_t>(nanos)});
    }
    case Kind::kTime:
      return Value::Time(Instant{reader.I64()});
    case Kind::kSet:
      break;
  }
  return Fail(ErrorCode::kInvalid, "a value has no such kind or is a set within a set");
}

}  // namespace

Result<Value> Value::Read(CanonicalReader& reader) {
  const auto kind = static_cast<Kind>(reader.U8());
  if (kind != Kind::kSet) return ReadScalar(kind, reader);
  const uint32_t count = reader.U32();
  Items items;
  for (uint32_t i = 0; i < count; ++i) {
    const auto item_kind = static_cast<Kind>(reader.U8());
    if (!reader.ok()) break;
    DURE_ASSIGN(Value item, ReadScalar(item_kind, reader));
    if (!items.empty() && !(items.back() < item))
      return Fail(ErrorCode::kInvalid, "the items of a set are not in order");
    items.push_back(std::move(item));
  }
  return Value(std::move(items));
}

bool IsReserved(std::string_view word) {
  static constexpr auto kWords = std::to_array<std::string_view>(
      {"absent",    "and",    "basis", "because", "case", "does",   "duty", "end",
       "exists",    "expect", "false", "given",   "is",   "not",    "or",   "rule",
       "situation", "that",   "title", "true",    "when", "without"});
  return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

bool IsSymbol(std::string_view text) {
  if (text.empty() || text.size() > kTextBytesMax || !IsLetter(text.front())) return false;
  const bool letters = std::all_of(text.begin(), text.end(), [](char c) {
    return IsLetter(c) || IsDigit(c) || std::string_view("-_:/+").find(c) != std::string::npos;
  });
  return letters && !IsReserved(text);
}

std::string Quote(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return quoted + '"';
}

}  // namespace dure::rules
