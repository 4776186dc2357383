// The emulated device's library of attention: our own kernels behind the call, with a log_sum that
// is laid out otherwise, so that mixing the two shows.
#pragma once

#include <functional>

#include "model/cuda/table.h"

namespace dure::model::cuda {

using EmulatedLauncher = std::function<int(uint32_t kernel, const void* args, uint32_t size)>;

// Scratch that a call takes; 0 where it is not computed.
uint64_t EmulatedAttentionScratch(const AttentionCall& call);
int EmulateAttention(const EmulatedLauncher& launch, const AttentionCall& call);

}  // namespace dure::model::cuda
