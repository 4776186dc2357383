#include "model/initialize.h"

#include <algorithm>
#include <cmath>

#include "federation/check.h"
#include "model/layout.h"

namespace dure::model {
namespace {

// splitmix64's output function: a bijection of 64 bits whose values on a counter pass as random.
uint64_t Mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// The sum of eight 16-bit uniforms, centred and scaled to unit variance: close enough to normal for
// first weights (support +-4.9 sigma) and free of logarithms, whose last bit differs between
// libraries.
float Normal(uint64_t stream, uint64_t index) {
  int32_t sum = 0;
  for (uint64_t half = 0; half < 2; ++half) {
    const uint64_t bits = Mix(stream + (2 * index + half + 1) * 0x9e3779b97f4a7c15);
    for (int i = 0; i < 4; ++i) sum += static_cast<int32_t>((bits >> (16 * i)) & 0xffff);
  }
  // Each uniform has mean 32767.5 and variance (2^32 - 1) / 12; 53509.91... = sqrt(8 (2^32 - 1) /
  // 12).
  return static_cast<float>((static_cast<double>(sum) - 8 * 32767.5) / 53509.9199);
}

}  // namespace

void Initialize(const LlamaConfig& config, uint64_t seed, std::span<float> parameters) {
  const Layout layout = LlamaLayout(config);
  DURE_CHECK(parameters.size() == layout.parameter_count(), "the caller sized it by the layout");
  uint64_t tensor_index = 0;
  for (const TensorSpec& tensor : layout.tensors()) {
    const std::span<float> out = parameters.subspan(tensor.offset, tensor.size);
    const uint64_t stream = Mix(Mix(seed + 0x9e3779b97f4a7c15) + ++tensor_index);
    if (tensor.shape.size() == 1) {
      std::fill(out.begin(), out.end(), 1.0f);
      continue;
    }
    const bool is_residual_output =
        tensor.name.ends_with("o_proj.weight") || tensor.name.ends_with("down_proj.weight");
    const double scale = is_residual_output ? 0.02 / std::sqrt(2.0 * config.layers) : 0.02;
    for (uint64_t i = 0; i < tensor.size; ++i) {
      out[i] = static_cast<float>(scale * static_cast<double>(Normal(stream, i)));
    }
  }
}

}  // namespace dure::model
