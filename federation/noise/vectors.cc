#include "federation/noise/vectors.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "federation/canonical.h"
#include "federation/check.h"

namespace dure::noise {
namespace {

constexpr float kRotationScale = 1.0F / 32;
static_assert(kRotationBlock == 32 * 32);

// One bit a coordinate: SHA-256 in counter mode under a public seed.
std::array<uint8_t, kRotationBlock / 8> SignsOf(const Digest& seed, uint64_t block) {
  std::array<uint8_t, kRotationBlock / 8> signs;
  for (size_t at = 0; at < signs.size(); at += 32) {
    CanonicalWriter writer;
    writer.Text("dure rotation 1").Raw32(seed).U64(block).U32(static_cast<uint32_t>(at));
    const Digest digest = Sha256(writer.bytes());
    std::copy(digest.bytes.begin(), digest.bytes.end(), signs.begin() + static_cast<long>(at));
  }
  return signs;
}

void ApplySigns(const Digest& seed, uint64_t block, float* values) {
  const auto signs = SignsOf(seed, block);
  for (size_t i = 0; i < kRotationBlock; ++i) {
    if ((signs[i / 8] >> (i % 8) & 1) != 0) values[i] = -values[i];
  }
}

void Hadamard(float* values) {
  for (size_t half = 1; half < kRotationBlock; half *= 2) {
    for (size_t begin = 0; begin < kRotationBlock; begin += 2 * half) {
      for (size_t i = begin; i < begin + half; ++i) {
        const float a = values[i];
        const float b = values[i + half];
        values[i] = a + b;
        values[i + half] = a - b;
      }
    }
  }
  for (size_t i = 0; i < kRotationBlock; ++i) values[i] *= kRotationScale;
}

}  // namespace

void Rotate(const Digest& seed, uint64_t first_block, std::span<float> values) {
  for (size_t at = 0; at + kRotationBlock <= values.size(); at += kRotationBlock) {
    ApplySigns(seed, first_block + at / kRotationBlock, values.data() + at);
    Hadamard(values.data() + at);
  }
}

void Unrotate(const Digest& seed, uint64_t first_block, std::span<float> values) {
  for (size_t at = 0; at + kRotationBlock <= values.size(); at += kRotationBlock) {
    Hadamard(values.data() + at);
    ApplySigns(seed, first_block + at / kRotationBlock, values.data() + at);
  }
}

double SquaredNorm(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * static_cast<double>(value);
  return sum;
}

Result<float> ClipFactor(double squared_norm, double clip) {
  DURE_CHECK(clip > 0, "a clip norm is positive");
  if (!std::isfinite(squared_norm) || squared_norm < 0) {
    return Fail(ErrorCode::kInvalid, "the update's norm is not a number; it is not sent");
  }
  // A millionth covers both float roundings, of the factor and of each product, and the sum's own.
  const double norm = std::sqrt(squared_norm) * (1 + 1e-6);
  if (norm <= clip) return 1.0F;
  return static_cast<float>(clip / norm);
}

uint64_t ClipCoordinates(float factor, float bound, std::span<float> values) {
  DURE_CHECK(bound > 0, "a coordinate's bound is positive");
  uint64_t clipped = 0;
  for (float& value : values) {
    value *= factor;
    if (value > bound || value < -bound) {
      value = value > 0 ? bound : -bound;
      ++clipped;
    }
  }
  return clipped;
}

Result<Uint128> RoundToGrid(std::span<const float> values, double scale, BitSource& bits,
                            std::span<int32_t> out) {
  DURE_CHECK(values.size() == out.size(), "there is room for the integers");
  constexpr double kBound = 1 << 30;
  Uint128 sum = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double exact = static_cast<double>(values[i]) * scale;
    if (!(exact <= kBound && exact >= -kBound)) {
      return Fail(ErrorCode::kInvalid, "coordinate " + std::to_string(i) +
                                           " is no number or leaves the grid; it is not sent");
    }
    const double low = std::floor(exact);
    const auto part = static_cast<uint64_t>(std::ldexp(exact - low, 32));
    const bool up = (bits.Word() >> 32) < part;
    const auto rounded = static_cast<int64_t>(low) + (up ? 1 : 0);
    out[i] = static_cast<int32_t>(rounded);
    sum += static_cast<Uint128>(rounded * rounded);
  }
  return sum;
}

bool KeepsNorm(Uint128 sum_of_squares, double norm_max) {
  // The sum's double is off by at most 2^-53 of it, and so is the square; both against the claim.
  return static_cast<double>(sum_of_squares) <= norm_max * norm_max * (1 - 1e-15);
}

}  // namespace dure::noise
