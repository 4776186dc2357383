// What licences say about a model made with the licensed data: the facts of each licence that the
// model's own licence has to respect.
//
// Whether a model is an adaptation of its data is disputed; Dure takes the side that cannot wrong
// the licensor: share-alike, non-commercial and attribution pass to the model, and what may not be
// adapted may not leave as a model. docs/reference/terms.md says so to the owner. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dure::terms {

struct LicenceTraits {
  bool known = false;  // false: a text that a person has to read; the rest is then false too
  bool attribution = false;
  bool share_alike = false;
  bool non_commercial = false;
  bool no_derivatives = false;
};

// Of one item of an SpdxExpression's choices: "CC-BY-SA-4.0", "GPL-2.0-only WITH …",
// "LicenseRef-KOGL-1" (Korea Open Government Licence types 1..4), "LicenseRef-PublicDomain".
LicenceTraits TraitsOf(std::string_view licence);

// The licences under which share-alike material may be passed on when adapted, itself first; empty
// if it is not share-alike.
std::vector<std::string> ShareAlikeTargets(std::string_view licence);

// Whether a model that has material under `material` behind it may be licensed under `model`.
bool MayBecome(std::string_view material, std::string_view model);

}  // namespace dure::terms
