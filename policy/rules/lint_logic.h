// Whether conditions can be true together, by trying them on every kind of fact that could make a
// difference. Inside this room only.
//
// For every attribute that the conditions mention, a few values stand for all: those the conditions
// name, one that none names, numbers and times between and beyond, sets with and without each item,
// and "none" where the schema allows it. So the trial is exhaustive as far as comparisons can tell
// values apart; unknown facts are left out, since a rule is judged by what it says about known
// ones.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "policy/rules/evaluate.h"
#include "policy/rules/schema.h"

namespace dure::rules {

inline constexpr size_t kAssignmentsMax = 1 << 16;  // of one question
inline constexpr size_t kTrialsBudget = 1 << 21;    // of one policy: a second or two

class Trial {
 public:
  Trial(const Schema& schema, size_t& budget) : schema_(schema), budget_(budget) {}

  // Calls `see` with the truth of each condition, for every combination of facts; stops when it
  // returns false. false: there are too many combinations, and nothing was tried.
  bool ForEach(const std::vector<const Condition*>& conditions, const std::vector<Action>& actions,
               const std::function<bool(const std::vector<Truth>&)>& see) const;

 private:
  const Schema& schema_;
  size_t& budget_;
};

// Evaluates a condition on facts directly, without compiling it.
Truth TruthOf(const Condition& condition, const Facts& facts);

}  // namespace dure::rules
