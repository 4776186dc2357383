// Countries as terms name them: ISO 3166-1 alpha-2, upper case.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace dure::terms {

bool IsCountry(std::string_view code);
const std::set<std::string>& AllCountries();

// Where something may be. Nothing said is not "anywhere": it is unknown.
struct Places {
  bool anywhere = false;
  std::set<std::string> countries = {};  // empty if anywhere

  bool unknown() const { return !anywhere && countries.empty(); }
  bool Contains(const std::string& country) const {
    return anywhere || countries.contains(country);
  }
  auto operator<=>(const Places&) const = default;
};

inline constexpr std::string_view kAnywhere = "*";  // the one item of a list that means anywhere

}  // namespace dure::terms
