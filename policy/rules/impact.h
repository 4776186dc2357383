// What a proposed policy would have changed: past decisions, decided again. For people to see
// before they vote. Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "policy/rules/decide.h"

namespace dure::rules {

// One decision of the record with the facts it was made on.
struct PastDecision {
  std::string name;  // how to find it again: the index of its entry
  Action action = Action::kTrain;
  Facts facts;
  Outcome outcome = Outcome::kDeny;
};

struct Flip {
  size_t index = 0;   // among the past decisions
  Decision proposed;  // what it would be
};

struct Impact {
  size_t decided = 0;
  std::vector<Flip> to_deny;   // were admitted
  std::vector<Flip> to_admit;  // were denied
};

// `proposed`: everything that would be in force, the terms and the policies that stay among it.
Impact ImpactOf(const PolicySet& proposed, std::span<const PastDecision> past);

}  // namespace dure::rules
