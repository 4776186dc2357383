// What a vote came to so far, for those who vote.
#pragma once

#include <cstdint>
#include <optional>

#include "policy/standing/state.h"

namespace dure::cli {

// The entry that stopped the run which is voted on, before the vote was over.
std::optional<uint64_t> StoppedAt(const standing::Proposal& proposal, const standing::State& state);

}  // namespace dure::cli
