#include "federation/noise/discrete_gaussian.h"

#include <cmath>
#include <limits>
#include <string>

#include "federation/check.h"

namespace dure::noise {
namespace {

// For an exponent of at most 1: the first k at which a coin of probability exponent / k shows
// tails is odd with probability exp(-exponent).
bool TossSmall(Uint128 numerator, Uint128 denominator, BitSource& bits) {
  for (uint64_t k = 1;; ++k) {
    if (bits.Below(denominator * k) >= numerator) return k % 2 == 1;
  }
}

uint64_t SquareRoot(uint64_t value) {  // rounded down
  auto root = static_cast<uint64_t>(std::sqrt(static_cast<double>(value)));
  while (root * root > value) --root;
  while ((root + 1) * (root + 1) <= value) ++root;
  return root;
}

// P(x) proportional to exp(-|x| / scale).
int64_t DrawLaplace(uint64_t scale, BitSource& bits) {
  while (true) {
    const uint64_t low = bits.Below(scale);
    if (!TossExpMinus(low, scale, bits)) continue;
    uint64_t high = 0;
    while (TossSmall(1, 1, bits)) ++high;
    const auto size = static_cast<int64_t>(high * scale + low);
    const bool negative = bits.Bit();
    if (negative && size == 0) continue;  // zero has one sign
    return negative ? -size : size;
  }
}

}  // namespace

bool TossExpMinus(Uint128 numerator, Uint128 denominator, BitSource& bits) {
  while (numerator > denominator) {
    if (!TossSmall(1, 1, bits)) return false;
    numerator -= denominator;
  }
  return TossSmall(numerator, denominator, bits);
}

DiscreteGaussian::DiscreteGaussian(uint64_t variance)
    : variance_(variance), scale_(SquareRoot(variance) + 1) {}

Result<DiscreteGaussian> DiscreteGaussian::Make(uint64_t variance) {
  if (variance < 1 || variance > kVarianceMax) {
    return Fail(ErrorCode::kInvalid,
                "the variance of noise must be from 1 to 2^44, not " + std::to_string(variance));
  }
  return DiscreteGaussian(variance);
}

int64_t DiscreteGaussian::Draw(BitSource& bits) const {
  while (true) {
    const int64_t proposal = DrawLaplace(scale_, bits);
    const auto size = static_cast<Uint128>(proposal < 0 ? -proposal : proposal);
    // Kept with probability exp(-(|x| - variance/scale)^2 / (2 variance)).
    const Uint128 reached = size * scale_;
    const Uint128 distance = reached > variance_ ? reached - variance_ : variance_ - reached;
    const Uint128 denominator = Uint128{2} * variance_ * scale_ * scale_;
    if (TossExpMinus(distance * distance, denominator, bits)) return proposal;
  }
}

void DiscreteGaussian::AddTo(std::span<int32_t> values, BitSource& bits) const {
  for (int32_t& value : values) {
    const int64_t sum = value + Draw(bits);
    DURE_CHECK(
        sum >= std::numeric_limits<int32_t>::min() && sum <= std::numeric_limits<int32_t>::max(),
        "settings leave room for noise");
    value = static_cast<int32_t>(sum);
  }
}

}  // namespace dure::noise
