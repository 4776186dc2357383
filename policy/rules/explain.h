// Policies and decisions in plain sentences, in English and Korean, for people who do not read the
// rule language. Pure. Of these texts only SayFact's is recorded, in sentences of a decision.
#pragma once

#include <string>
#include <vector>

#include "policy/rules/decision.h"
#include "policy/rules/schema.h"
#include "policy/rules/sentence.h"
#include "policy/rules/what_if.h"

namespace dure::rules {

// The whole policy, a paragraph a rule. Attributes go by the schema's names.
std::string ExplainPolicy(const Policy& policy, const Schema& schema, Language language);
std::string ExplainRule(const Rule& rule, const Schema& schema, Language language);
std::string ExplainCondition(const Condition& condition, const Schema& schema, Language language);

// "the member's status is suspended (permitted where it is active)", in the schema's words.
std::string SayFact(const FactSeen& fact, ReasonClass reason_class, Language language);

// The outcome, each reason with its sentence, basis and facts, and what is owed.
std::string ExplainDecision(const Decision& decision, const Schema& schema, Language language);
// "It would be admitted if the run's purpose were statistics." A line a change; no change: a line
// that says so.
std::string ExplainChanges(const std::vector<Change>& changes, const Schema& schema,
                           Language language);

}  // namespace dure::rules
