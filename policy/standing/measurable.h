// Which models may be measured for a run at all: those that the record knows. Pure.
#pragma once

#include <string>

#include "policy/standing/state.h"

namespace dure::standing {

// From this version of the words on. Who could have any weights measured on private text could ask
// with weights that are made to tell what is in it.
inline constexpr uint32_t kMeasuredAreKnownSince = 5;

// The model that the run was proposed from, one that a closed round of this log made, of this run
// or another that it is compared with, or one of parts of such a round.
bool IsMeasurable(const State& state, const RunId& run, const Digest& model);
// Why not, in words.
std::string WhyNotMeasurable(const RunId& run, const Digest& model);

}  // namespace dure::standing
