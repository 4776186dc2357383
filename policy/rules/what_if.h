// What would have to be different for a denied request to be admitted. Pure.
#pragma once

#include <string>
#include <vector>

#include "policy/rules/decide.h"
#include "policy/rules/schema.h"

namespace dure::rules {

inline constexpr size_t kTrialsMax = 2000;  // decisions tried; a person asked and waits

struct Change {
  std::string path;
  Fact to;  // known or absent
  bool operator==(const Change&) const = default;
};

// Every single fact that, changed alone, admits; the changes nearest to what rules say come first:
// values that the failing rules name, values of the schema, "there is none". Empty: already
// admitted, or no single fact is enough. Among numbers and times, the bounds that rules name.
std::vector<Change> ChangesThatAdmit(const PolicySet& policies, Action action, const Facts& facts,
                                     const Schema& schema);

}  // namespace dure::rules
