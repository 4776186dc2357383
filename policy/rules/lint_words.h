// The words of a policy against the schema: attributes that nobody knows, comparisons of the wrong
// kind, values that never occur, and sentences that are missing. Inside this room only.
#pragma once

#include <vector>

#include "policy/rules/lint.h"

namespace dure::rules {

// Adds what it finds to `findings`, in the order of the text.
void CheckWords(const Policy& policy, const Schema& schema, std::vector<Finding>& findings);

}  // namespace dure::rules
