// The decision: may this action go ahead, under these policies, given these facts? Pure, total and
// independent of the order of policies, rules and facts: no clock (time is a fact), no I/O, no
// recursion of rules. Every member runs it over the same log and must come to the same bytes.
//
//   any forbid or require hit  -> deny, with every hit as a reason
//   else a permit fired        -> admit, with what is owed
//   else                       -> deny: each permit that came close, with what it lacked
//
// An unknown fact never admits: a forbid is hit by it, a require fails on it, a permit does not
// fire. Every deny names a rule and at least one fact.
//
// Only Decide and what it returns are recorded; keep the meaning of any change behind
// kEngineVersion, and that of a sentence behind the words' version (versions.h).
#pragma once

#include <optional>
#include <span>

#include "policy/rules/decision.h"
#include "policy/rules/facts.h"
#include "policy/rules/policy_set.h"

namespace dure::rules {

// Sets `request.action` itself, from `action`. Where no rule at all permits the action, the one
// reason is of the rule "no-permit" and of a policy without name and version.
Decision Decide(const PolicySet& policies, Action action, const Facts& facts);

// The outcome alone, where these facts settle it: each path is asked of them in turn, and the first
// that says something counts. nullopt: a rule asks for what none of them says, and others may.
std::optional<Outcome> OutcomeBy(const PolicySet& policies, Action action,
                                 std::span<const Facts* const> facts);

}  // namespace dure::rules
