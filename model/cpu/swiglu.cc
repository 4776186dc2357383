#include "model/cpu/swiglu.h"

#include "model/cpu/simd.h"

namespace dure::model::cpu {
namespace {

DURE_SIMD void ForwardRow(size_t width, const float* gate, const float* up, float* y) {
#pragma omp simd
  for (size_t i = 0; i < width; ++i) y[i] = gate[i] / (1.0f + FastExp(-gate[i])) * up[i];
}

struct GateUp {
  const float* gate;
  const float* up;
};
struct GateUpGradient {
  float* gate;
  float* up;
};

DURE_SIMD void BackwardRow(size_t width, const GateUp& x, const float* dy, float* y,
                           const GateUpGradient& dx) {
  const float* gate = x.gate;
  const float* up = x.up;
  float* dgate = dx.gate;
  float* dup = dx.up;
#pragma omp simd
  for (size_t i = 0; i < width; ++i) {
    const float sigmoid = 1.0f / (1.0f + FastExp(-gate[i]));
    const float silu = gate[i] * sigmoid;
    y[i] = silu * up[i];
    dup[i] = dy[i] * silu;
    dgate[i] = dy[i] * up[i] * (sigmoid + silu * (1.0f - sigmoid));
  }
}

}  // namespace

void SwiGlu(size_t rows, size_t width, const float* gate_up, float* y) {
  for (size_t r = 0; r < rows; ++r) {
    const float* gate = gate_up + r * 2 * width;
    ForwardRow(width, gate, gate + width, y + r * width);
  }
}

void SwiGluBackward(size_t rows, size_t width, const float* gate_up, const float* dy, float* y,
                    float* dgate_up) {
  for (size_t r = 0; r < rows; ++r) {
    const float* gate = gate_up + r * 2 * width;
    float* dgate = dgate_up + r * 2 * width;
    BackwardRow(width, {gate, gate + width}, dy + r * width, y + r * width, {dgate, dgate + width});
  }
}

}  // namespace dure::model::cpu
