// What a run waits for, as JSON for `run.show` and the watch stream; private to this folder.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "federation/round/round_effects.h"

namespace dure::aggregator {

// {"ready", "needed", "missing": [{"site", "cause", "reason"?, "seconds"?}]};
// docs/how-to/watch-a-run.md.
nlohmann::json WaitingJson(const round::Gathering& waits, MonoTime now);

}  // namespace dure::aggregator
