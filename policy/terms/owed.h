// What owners are owed for a use, as obligations: a rule for the duties of each dataset, and one
// for those of its DUO codes. Inside this room only.
#pragma once

#include <string>
#include <vector>

#include "policy/rules/policy.h"
#include "policy/terms/combine.h"

namespace dure::terms {

// By whoever runs the training. To name the source is asked of it by the consortium's own policy.
std::vector<rules::Rule> OwedForTraining(const ModelTerms& terms);
// By whoever is granted the model for this action.
std::vector<rules::Rule> OwedForModels(const ModelTerms& terms, Action action);

// A rule's name may hold letters, digits and - _ . : # only.
std::string RuleId(const Cause& cause, bool with_version);

}  // namespace dure::terms
