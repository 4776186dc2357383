// Terms as an ODRL 2.2 Offer or Agreement (JSON-LD) and back.
//
// Each action is a permission or a prohibition of its own; an "ask" is a permission with the duty
// obtainConsent; purposes, places and times are constraints; conflict is always "prohibit" (ODRL's
// default would make a contradiction void the whole policy). What ODRL has no words for stands in
// dure:more as JSON of the terms file's own fields.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/terms/toml.h"

namespace dure::terms {

inline constexpr std::string_view kTermsNamespace = "https://dure.dev/ns/terms#";

// `dataset` and `assigner` are codes, or empty where nobody is named: then it is a Set, because an
// Offer has an assigner. Terms that say nothing become the prohibition of all use. The uid is of
// what the terms say, the salts of their texts left out: one version of a file has one.
std::string ToOdrlOffer(const Terms& terms, const std::string& dataset,
                        const std::string& assigner);
// The same as concluded with `assignee`; it takes an assigner to conclude.
std::string ToOdrlAgreement(const Terms& terms, const std::string& dataset,
                            const std::string& assigner, const std::string& assignee);

// A file of another format, read as far as Dure has words for it.
struct Imported {
  std::string format;                // "ODRL", "Croissant"
  Draft draft;                       // sound terms; what the source does not say is unknown
  std::vector<std::string> remarks;  // what was not understood, and what was done about it
  bool understood = true;            // false: some of it may concern every use; no "allow" is left
};

inline constexpr size_t kImportBytesMax = size_t{1} << 20;

// Croissant or ODRL, told apart by their types. Whatever is not understood makes the terms stricter
// (an "ask" or an "unknown"), never wider, and is listed. kInvalid: neither format, or a
// contradiction that voids the policy. Total and bounded. Salts come from `random`.
Result<Imported> ImportTerms(std::string_view text, Random& random);

}  // namespace dure::terms
