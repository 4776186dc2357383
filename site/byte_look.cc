#include "site/byte_look.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace dure::site {
namespace {

constexpr size_t kLookBytes = size_t{1} << 20;
constexpr double kDegrees = 255;

}  // namespace

ByteLook LookAt(ByteView bytes) {
  const ByteView part = bytes.first(std::min(bytes.size(), kLookBytes));
  std::array<uint64_t, 256> counts{};
  for (const uint8_t byte : part) ++counts[byte];
  ByteLook look;
  look.first = ToHex(part.first(std::min<size_t>(part.size(), 16)));
  const double expected = static_cast<double>(part.size()) / 256;
  for (const uint64_t count : counts) {
    const double off = static_cast<double>(count) - expected;
    if (expected > 0) look.chi_square += off * off / expected;
  }
  look.is_even = std::abs(look.chi_square - kDegrees) < 6 * std::sqrt(2 * kDegrees);
  return look;
}

}  // namespace dure::site
