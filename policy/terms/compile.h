// Terms as the rule language sees them: facts that consortium policies speak of, and rules of the
// owners' own, which no vote can take away.
//
// The rules are made for one use (answer.h): each clause that stands in its way becomes a forbid
// named after the dataset and the field, `terms:reviews#use`; a clause that asks the owner becomes
// a require that the owner agreed to the run. So a decision about data or a model lists the owners'
// reasons beside the consortium's. Pure; any thread.
#pragma once

#include "policy/rules/facts.h"
#include "policy/rules/policy.h"
#include "policy/terms/answer.h"

namespace dure::terms {

// dataset.terms.* and dataset.personalData; what the terms do not say stays unknown.
rules::Facts FactsOf(const Terms& terms);
// model.allowedPurposes, model.allowedCountries, model.embargoUntil, model.licence. A model that no
// dataset stands behind has no restriction.
rules::Facts FactsOf(const ModelTerms& terms);

// The owners' rules about `use`, in the layer of terms; no rule where nothing stands in its way.
// Where a model gets out, also what its owners are owed for that. kInvalid: a name of a dataset or
// a field that no rule can carry.
Result<rules::PolicyDocument> PolicyFor(const ModelTerms& terms, const Use& use);
// What the limits of one dataset's terms require of any training: rounds, runs, members, privacy
// loss; and what its owner is owed for it. `every_term`: as Use has it.
Result<rules::PolicyDocument> LimitsOf(const Source& source, const Terms& terms,
                                       bool every_term = true);

// The rules of one source's owner about measuring models on it and letting the figures be known:
// what stands in the way of either, as rules of `evaluate`. `use`: its action is not looked at.
// Errors as PolicyFor.
Result<rules::PolicyDocument> MeasuringPolicyFor(const ModelTerms& terms, const Use& use);

// What its owner's no to a run forbids in that run, whatever the terms allow and the others voted.
Result<rules::PolicyDocument> RefusalOf(const Source& source);

// The action of the same name.
rules::Action RuleAction(Action action);

}  // namespace dure::terms
