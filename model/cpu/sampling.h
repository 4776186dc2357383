// The choice of a token from logits.
#pragma once

#include <cstdint>
#include <span>

namespace dure::model::cpu {

struct Sampling {
  double temperature = 0.0;  // 0 takes the most likely, the lowest id among equals
  uint32_t top_k = 0;        // only the k most likely; 0 keeps all
  double uniform = 0.0;      // in [0, 1): the chance to use
};

// REQUIRES: logits is not empty and finite; temperature >= 0.
uint32_t Sample(std::span<const float> logits, const Sampling& sampling);

}  // namespace dure::model::cpu
