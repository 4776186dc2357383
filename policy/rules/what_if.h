// What would have to be different for a denied request to be admitted. Pure.
#pragma once

#include <functional>
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

// Whether the request would be admitted if that were so. The facts have the change already.
using WouldAdmit = std::function<bool(const Change& change, const Facts& changed)>;

// Every single fact that, changed alone, admits; the changes nearest to what rules say come first:
// values that the failing rules name, values of the schema, "there is none". Empty: already
// admitted, or no single fact is enough. Among numbers and times, the bounds that rules name.
// `admits`: where the policies themselves depend on the facts, as owners' terms do; by default
// these policies decide.
std::vector<Change> ChangesThatAdmit(const PolicySet& policies, Action action, const Facts& facts,
                                     const Schema& schema, const WouldAdmit& admits = {});

}  // namespace dure::rules
