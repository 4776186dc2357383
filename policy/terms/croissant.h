// Terms and passport as a Croissant 1.1 dataset description (JSON-LD): DUO codes as DefinedTerm and
// the terms as an odrl:Offer in usageInfo. The data itself stays where it is: there is no
// distribution, and dure:notRecorded says so. Reading one is ImportTerms (odrl.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "policy/terms/toml.h"

namespace dure::terms {

// What an absent text, licence and date are written as: a text says that it is not recorded, a
// licence is SPDX's address for "nobody says", and a date is left out and named in
// dure:notRecorded, because there is no date that says so.
inline constexpr std::string_view kAbsent = "not recorded";
inline constexpr std::string_view kNoLicenceSaid = "http://spdx.org/rdf/terms#noassertion";

// `published`: when the dataset was first told of. Croissant asks for it.
std::string ToCroissant(const Draft& draft, const std::optional<Instant>& published);

}  // namespace dure::terms
