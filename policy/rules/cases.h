// Runs a policy's own cases. A case sees that policy alone: what other policies say is their cases'
// business. Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "policy/rules/decide.h"

namespace dure::rules {

struct CaseResult {
  std::string name;
  Position at;
  bool passed = false;
  std::string expected;  // as the case says it: deny by P2.1, P2.3
  std::string found;     // in the same words
  Decision decision;
};

struct CaseRun {
  std::vector<CaseResult> results;  // in the order of the policy
  std::set<std::string> unshown;    // rules that took effect in no case
  bool AllPassed() const;
};

// kInvalid: CheckPolicy refuses the policy.
Result<CaseRun> RunCases(const PolicyDocument& document);

// The facts of one case: its situation, over that what it gives, without what it takes away.
Facts FactsOf(const Policy& policy, const Case& one);

}  // namespace dure::rules
