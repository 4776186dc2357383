// A model as people name it: by its digest, by as many of its first digits as tell it apart, or by
// a run, whose newest it then is.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "cli/command.h"
#include "policy/standing/state.h"

namespace dure::cli {

// As of the first `entries` of the record. kNotFound: none, or several.
Result<Digest> FindModel(const standing::State& state, const std::string& name,
                         const Context& context,
                         uint64_t entries = std::numeric_limits<uint64_t>::max());

}  // namespace dure::cli
