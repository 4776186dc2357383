// SwiGLU (Shazeer 2020): y = silu(gate) ∘ up, with gate and up side by side in one row of 2 width
// floats.
#pragma once

#include <cstddef>

namespace dure::model::cpu {

// gate_up: [rows, 2 width]; y: [rows, width].
void SwiGlu(size_t rows, size_t width, const float* gate_up, float* y);

// y again, and from dy [rows, width] the gradient of gate_up, [rows, 2 width]. y may not be dy.
void SwiGluBackward(size_t rows, size_t width, const float* gate_up, const float* dy, float* y,
                    float* dgate_up);

}  // namespace dure::model::cpu
