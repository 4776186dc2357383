#include "federation/identity/domicile.h"

#include <array>

namespace dure::identity {
namespace {

constexpr std::array<std::string_view, 5> kHouses = {"", "public", "private", "academic",
                                                     "small-firm"};

}  // namespace

std::string_view Name(House house) { return kHouses[static_cast<size_t>(house)]; }

Result<House> ParseHouse(std::string_view text) {
  for (uint8_t number = 1; number < kHouses.size(); ++number) {
    if (kHouses[number] == text) return static_cast<House>(number);
  }
  return Fail(ErrorCode::kInvalid, "'" + std::string(text.substr(0, 64)) +
                                       "' is no house; houses: public, private, academic, "
                                       "small-firm");
}

Result<House> HouseOf(uint8_t number) {
  if (number >= 1 && number < kHouses.size()) return static_cast<House>(number);
  return Fail(ErrorCode::kInvalid, "no house has the number " + std::to_string(number));
}

std::string Domicile::ToText() const { return std::string(Name(house)) + ", " + country; }

Status Domicile::Check() const {
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (country.size() == 2 && is_upper(country[0]) && is_upper(country[1])) return {};
  return Fail(ErrorCode::kInvalid, "'" + country.substr(0, 64) +
                                       "' is no country code: two capital letters (ISO 3166), for "
                                       "example KR");
}

}  // namespace dure::identity
