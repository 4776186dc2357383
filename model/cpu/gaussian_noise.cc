#include "model/cpu/gaussian_noise.h"

#include <array>
#include <cmath>

#include "federation/check.h"

namespace dure::model::cpu {
namespace {

// (0, 1]: never zero, whose logarithm has no bound.
double Uniform(uint64_t bits) { return (static_cast<double>(bits >> 11) + 1) * 0x1p-53; }

}  // namespace

double NoiseGrid(double deviation) { return std::exp2(std::floor(std::log2(deviation)) - 20); }

void AddGaussianNoise(double deviation, Random& random, std::span<float> values) {
  DURE_CHECK(deviation > 0, "noise has a deviation");
  const double grid = NoiseGrid(deviation);
  std::array<uint64_t, 256> bits;
  for (size_t begin = 0; begin < values.size(); begin += bits.size()) {
    const size_t count = std::min(bits.size(), values.size() - begin);
    random.Fill({reinterpret_cast<uint8_t*>(bits.data()), sizeof bits});
    for (size_t i = 0; i < count; i += 2) {
      const double radius = deviation * std::sqrt(-2 * std::log(Uniform(bits[i])));
      const double angle = 2 * M_PI * Uniform(bits[i + 1]);
      const double pair[2] = {radius * std::cos(angle), radius * std::sin(angle)};
      for (size_t k = 0; k < 2 && i + k < count; ++k) {
        float& value = values[begin + i + k];
        value = static_cast<float>(std::nearbyint((value + pair[k]) / grid) * grid);
      }
    }
  }
}

}  // namespace dure::model::cpu
