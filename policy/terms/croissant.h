// Terms and passport as a Croissant 1.1 dataset description (JSON-LD): DUO codes as DefinedTerm and
// the terms as an odrl:Offer in usageInfo. The data itself stays where it is: there is no
// distribution. Reading one is ImportTerms (odrl.h).
#pragma once

#include <string>

#include "policy/terms/toml.h"

namespace dure::terms {

// What is missing in the draft is stated as "not recorded".
std::string ToCroissant(const Draft& draft);

}  // namespace dure::terms
