// A member's house and country, as an operator types them.
#pragma once

#include <string>

#include "federation/identity/domicile.h"

namespace dure::cli {

// kInvalid: no such house; or no country of ISO 3166 has that code, in capital letters.
Result<identity::Domicile> ParseDomicile(const std::string& house, const std::string& country);
// kInvalid: the same of a country alone.
Status CheckCountry(const std::string& country);

}  // namespace dure::cli
