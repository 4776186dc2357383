// Writes a policy in its one canonical layout. Reading it back gives the same policy, and writing
// that gives the same text; comments stay at the part that they were written for (one inside a
// condition moves above it). Total and pure.
#pragma once

#include <string>

#include "policy/rules/policy.h"

namespace dure::rules {

std::string Format(const Policy& policy);
std::string Format(const Rule& rule);
std::string Format(const Condition& condition);  // on one line
std::string Format(const Atom& atom);

}  // namespace dure::rules
