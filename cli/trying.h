// Whether a member may try a model that its own site holds (dure model generate): what people look
// at, to judge it, is a measurement without a number, so it takes what `evaluate` takes of every
// owner whose data is behind the model, for the purpose of the run. No grant: nothing is answered
// to anybody else and nothing is taken away, which are `serve` and `export-weights`. Where the data
// may lie, and until when, does not matter: none of it is read. Asks nobody and records nothing;
// pure.
#pragma once

#include <string>
#include <vector>

#include "policy/rules/value.h"
#include "policy/standing/state.h"
#include "policy/terms/sentences.h"

namespace dure::cli {

// A line a clause that stands in the way, with the rule's name and whose it is; empty: it may. An
// owner that asks to be asked is content with its yes to the run.
std::vector<std::string> WhatForbidsTrying(const standing::State& state, const RunId& run,
                                           const Digest& model, rules::Instant now,
                                           terms::Language language);

}  // namespace dure::cli
