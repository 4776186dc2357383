// A model as people name it: by its digest, by as many of its first digits as tell it apart, or by
// a run, whose newest it then is.
#pragma once

#include <string>

#include "cli/command.h"
#include "policy/standing/state.h"

namespace dure::cli {

// kNotFound: none, or several.
Result<Digest> FindModel(const standing::State& state, const std::string& name,
                         const Context& context);

}  // namespace dure::cli
