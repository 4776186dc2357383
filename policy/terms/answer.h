// May this be done with a model (or a dataset), as far as the terms behind it go? The answer names
// every clause that stands in the way, and whose it is.
//
// This is the owners' side only: what the consortium's policy adds is decided by policy/rules, to
// which compile.h gives the same terms as facts and rules. A condition that no request can show
// (an ethics approval, a disease) is an "ask". Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "policy/terms/combine.h"

namespace dure::terms {

// From this version of the words on (rules/versions.h) every term is asked. Decisions in older
// words are replayed as their builds made them: without where data is stored, without a change of
// purpose, ...
inline constexpr uint32_t kEveryTermSince = 4;
// From this version on what is refused because a dataset was withdrawn names the dataset behind the
// model as its fact; before, the purpose of the request, of which it never hung.
inline constexpr uint32_t kWithdrawnIsNamedSince = 6;

struct Use {
  Action action = Action::kTrain;
  Purpose purpose = Purpose::kScientificResearch;
  Beneficiary beneficiary = Beneficiary::kNonProfit;
  std::string country;  // where data is processed; for export and serve: where it goes
  Instant at;
  // What each dataset was used for so far; one that is not here was used for nothing yet.
  std::map<std::string, std::set<Purpose>> used_for = {};
  bool every_term = true;       // false: as before kEveryTermSince
  bool withdrawn_named = true;  // false: as before kWithdrawnIsNamedSince
};

struct Clause {
  Permission outcome = Permission::kDeny;  // never kAllow
  Cause cause;
  std::string value;                                    // what the field says: "non-commercial"
  std::optional<uint64_t> withdrawn_at = std::nullopt;  // it says so since this entry withdrew it
  bool operator==(const Clause&) const = default;
};

struct Answer {
  Permission outcome = Permission::kAllow;  // the strictest of the clauses
  std::vector<Clause> clauses;              // the strictest first, then by cause
};

Answer Allows(const ModelTerms& terms, const Use& use);
// Whether the answer to a use may be another one at another moment of [from, until], both included.
bool HangsOnTime(const ModelTerms& terms, Instant from, Instant until);

// "Dataset ds-7 v2 says of the kind of use: research only; the purpose is commercial service, for
// the benefit of a company: it is not allowed."
std::string Sentence(const Clause& clause, const Use& use, Language language);
// Whether that sentence names the time of the use.
bool TellsTime(const Clause& clause);

}  // namespace dure::terms
