// What stands behind a model: the datasets that flowed into it, by way of its rounds.
#pragma once

#include <map>
#include <vector>

#include "policy/standing/state.h"
#include "policy/terms/combine.h"

namespace dure::standing {

// A closed round on the way from the run's first model to this one, oldest first.
std::vector<RoundAttempt> RoundsBehind(const State& state, const Digest& model);

// Each dataset version, and the closed rounds that counted it, oldest first. Empty for a model that
// no round of this log made.
std::map<DatasetVersion, std::vector<RoundAttempt>> DatasetsBehind(const State& state,
                                                                   const Digest& model);

// Their terms together: as they were lent and as they are now, so a change narrows and never widens
// what a model that is already trained may be used for. A withdrawal that asks for more than future
// rounds lets it be used for nothing new.
terms::ModelTerms TermsBehind(const State& state, const Digest& model);

}  // namespace dure::standing
