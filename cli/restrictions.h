// What the owners' terms come to for a model, as lines for people.
#pragma once

#include <string>
#include <vector>

#include "policy/standing/state.h"
#include "policy/terms/answer.h"
#include "policy/terms/sentences.h"

namespace dure::cli {

// Taking it away and serving it, for research and as a commercial service, in that country at that
// moment: a line a restriction. Most hold for both ways in which a model gets out, and are said
// once. An empty country is one that is not known.
std::vector<std::string> RestrictionsOf(const standing::State& state, const Digest& model,
                                        const std::string& country, terms::Instant now,
                                        terms::Language language);

}  // namespace dure::cli
