// A trainer in its seat: reads requests on one thread, works on another.
#pragma once

#include <string>
#include <vector>

#include "model/collective/collective.h"
#include "model/seat/channel.h"
#include "trainer/engine.h"

namespace dure::trainer {

// Says ready, then serves until the other end closes; then the process ends at once, whatever runs:
// every file appears by a rename, so there is nothing to tidy. Takes the calling thread for the
// work. Also rank 0's of a gang; when that is over it says why and ends.
[[noreturn]] void Serve(seat::Channel* channel, const std::vector<std::string>& protections,
                        model::collective::Collective& gang, Engine& engine, uint32_t ranks_here);

}  // namespace dure::trainer
