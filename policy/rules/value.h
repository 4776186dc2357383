// Values of the rule language: what a fact is and what a rule compares it with. Five kinds: text
// (also a symbol such as `research-only`), bool, exact decimal number, UTC instant, and a set of
// those. There are no floating-point numbers: two machines must come to the same answer.
//
// Plain values: copy them, compare them, hold them in any thread. Every value has one printed form
// (ToText), which the parser reads back to the same value, and one canonical encoding (Write).
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "federation/canonical.h"
#include "federation/clock.h"
#include "federation/result.h"

namespace dure::rules {

// Bounds on what a text may say; facts from the ledger are bounded by its entries.
inline constexpr size_t kTextBytesMax = 4096;  // one sentence or one licence notice
inline constexpr size_t kSetItemsMax = 512;    // more countries than there are

// whole + nanos / 1e9, nanos in [0, 1e9): so members compare in order. -0.5 is {-1, 500000000}.
struct Decimal {
  int64_t whole = 0;
  int32_t nanos = 0;

  static Decimal Of(int64_t whole) { return {whole, 0}; }
  static Decimal OfCount(uint64_t count);  // beyond 2^63 - 1: that bound
  // Rounded to the nearest 1e-9, ties away from zero; nullopt: NaN, infinite or beyond 9.2e18.
  static std::optional<Decimal> OfDouble(double value);
  // kInvalid unless -?digits[.digits], at most 18 before and 9 behind the point.
  static Result<Decimal> Parse(std::string_view text);
  // Without trailing zeros: 0.8, 12, -3.25.
  std::string ToText() const;
  auto operator<=>(const Decimal&) const = default;
};

// Seconds since 1970-01-01T00:00:00Z, for years 0001 to 9999.
struct Instant {
  int64_t seconds = 0;

  static Instant At(WallTime time);
  // kInvalid unless 2026-09-01 (midnight UTC) or 2026-09-01T12:30:00Z, and a real date.
  static Result<Instant> Parse(std::string_view text);
  std::string ToText() const;  // the short form at midnight
  auto operator<=>(const Instant&) const = default;
};

enum class Kind : uint8_t { kText, kBool, kNumber, kTime, kSet };
std::string_view Name(Kind kind);  // "text", "yes or no", "number", "time", "set"

class Value {
 public:
  using Items = std::vector<Value>;  // sorted, without repetition, no set among them

  Value() = default;  // the empty text
  static Value Text(std::string_view text) { return Value(std::string(text)); }
  static Value Bool(bool value) { return Value(value); }
  static Value Number(Decimal value) { return Value(value); }
  static Value Number(int64_t value) { return Value(Decimal::Of(value)); }
  static Value Count(uint64_t value) { return Value(Decimal::OfCount(value)); }
  static Value Time(Instant value) { return Value(value); }
  static Value Time(WallTime value) { return Value(Instant::At(value)); }
  static Value Set(Items items);  // sorts; a set among the items gives its items
  static Value TextSet(const std::vector<std::string>& items);

  Kind kind() const { return static_cast<Kind>(value_.index()); }
  // nullptr when the value is of another kind.
  const std::string* text() const { return std::get_if<std::string>(&value_); }
  const bool* boolean() const { return std::get_if<bool>(&value_); }
  const Decimal* number() const { return std::get_if<Decimal>(&value_); }
  const Instant* time() const { return std::get_if<Instant>(&value_); }
  const Items* items() const { return std::get_if<Items>(&value_); }

  // As the language writes it: research-only, "two words", 0.8, 2026-09-01, true, {KR, JP}.
  std::string ToText() const;
  // As a sentence shows it: without quotes and braces.
  std::string ToPlain() const;

  void Write(CanonicalWriter& writer) const;
  // Total; a malformed value fails the reader's Done or gives kInvalid.
  static Result<Value> Read(CanonicalReader& reader);

  // Texts first, and by themselves: a decision compares hundreds.
  bool operator==(const Value& other) const {
    const std::string* mine = text();
    const std::string* theirs = other.text();
    if (mine != nullptr && theirs != nullptr) return *mine == *theirs;
    return value_ == other.value_;
  }
  std::strong_ordering operator<=>(const Value& other) const;

 private:
  template <typename T>
  explicit Value(T value) : value_(std::move(value)) {}
  std::variant<std::string, bool, Decimal, Instant, Items> value_;
};

// A word of the language's own grammar (`and`, `when`, `absent` ...): as a text it needs quotes.
bool IsReserved(std::string_view word);
// A text that may stand without quotes: a letter, then letters, digits and - _ : / +.
bool IsSymbol(std::string_view text);
// In double quotes, with \" \\ \n escaped.
std::string Quote(std::string_view text);

}  // namespace dure::rules
