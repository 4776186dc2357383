// The first weights of a model, a function of configuration and seed alone.
#pragma once

#include <cstdint>
#include <span>

#include "model/config.h"

namespace dure::model {

// Norms are one; embedding and matrices are drawn from N(0, 0.02), the two matrices that write into
// the residual stream (o_proj, down_proj) from N(0, 0.02 / sqrt(2 layers)), as GPT-2 does. Each
// tensor has its own counter-based stream, and only integer arithmetic and additions are used (the
// normal is a sum of uniforms), so the result is the same bits on every compiler and machine.
// REQUIRES: Validate(config); parameters has LlamaLayout(config).parameter_count() elements.
void Initialize(const LlamaConfig& config, uint64_t seed, std::span<float> parameters);

}  // namespace dure::model
