// What keeps a grant from being used at a moment although it was given and not taken back.
//
// A grant is used again and again, and the consortium's own rules are asked each time: an emergency
// rule, the suspension of its holder, an open incident or a rule voted in since then stop it, and
// it may be used again once they are over. The owners' terms are those under which it was given: a
// change of terms narrows what is granted anew, and a withdrawal ends grants for good (EndedBy).
//
// Pure; any thread.
#pragma once

#include <vector>

#include "policy/rules/decision.h"
#include "policy/standing/standing.h"

namespace dure::standing {

// The reasons of the rules against it; empty: it may be used. Errors as Decide.
// REQUIRES: it was granted.
Result<std::vector<rules::Reason>> StopsOf(const Standing& standing,
                                           const ledger::GrantDecided& grant, rules::Instant now);

}  // namespace dure::standing
