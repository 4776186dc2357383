// Where a member stands: the house in which it votes, and its country.
//
// An operator says it in each invitation, the seat keeps it, the log carries it once a member.
// Values only; anybody may use them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "federation/result.h"

namespace dure::identity {

// Numbers stand in canonical bytes: never reuse one.
enum class House : uint8_t { kPublic = 1, kPrivate = 2, kAcademic = 3, kSmallFirm = 4 };

std::string_view Name(House house);               // "public", "private", "academic", "small-firm"
Result<House> ParseHouse(std::string_view text);  // kInvalid names the houses there are
Result<House> HouseOf(uint8_t number);            // kInvalid: no such number

struct Domicile {
  House house = House::kPrivate;
  std::string country = "KR";  // ISO 3166 alpha-2, upper case

  std::string ToText() const;  // "private, KR"
  // kInvalid unless the country has the form of a code. Whether there is such a country is for the
  // desk that asks for it.
  Status Check() const;
  bool operator==(const Domicile&) const = default;
};

}  // namespace dure::identity
