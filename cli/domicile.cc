#include "cli/domicile.h"

#include "policy/terms/place.h"

namespace dure::cli {

Result<identity::Domicile> ParseDomicile(const std::string& house, const std::string& country) {
  identity::Domicile domicile;
  DURE_ASSIGN(domicile.house, identity::ParseHouse(house));
  domicile.country = country;
  DURE_TRY(domicile.Check());
  if (terms::IsCountry(country)) return domicile;
  return Fail(ErrorCode::kInvalid, "no country has the code '" + country + "' (ISO 3166 alpha-2)");
}

}  // namespace dure::cli
