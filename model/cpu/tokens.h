// The check that every entry point of the room makes before tokens index a table.
#pragma once

#include <cstdint>
#include <span>

#include "federation/result.h"
#include "model/config.h"

namespace dure::model::cpu {

// kInvalid: an input is not below the vocabulary, or a target is neither below it nor
// kIgnoredTarget.
Status CheckTokens(const LlamaConfig& config, std::span<const uint32_t> inputs,
                   std::span<const uint32_t> targets);

}  // namespace dure::model::cpu
