#include "cli/domicile.h"

#include "policy/terms/place.h"

namespace dure::cli {

Result<identity::Domicile> ParseDomicile(const std::string& house, const std::string& country) {
  identity::Domicile domicile;
  DURE_ASSIGN(domicile.house, identity::ParseHouse(house));
  domicile.country = country;
  DURE_TRY(domicile.Check());
  DURE_TRY(CheckCountry(country));
  return domicile;
}

Status CheckCountry(const std::string& country) {
  if (terms::IsCountry(country)) return {};
  return Fail(
      ErrorCode::kInvalid,
      "'" + country + "' is no country code: two capital letters (ISO 3166), for example KR");
}

}  // namespace dure::cli
