#include "federation/noise/skellam.h"

#include <algorithm>
#include <limits>
#include <string>

#include "federation/check.h"

namespace dure::noise {

Skellam::Skellam(uint64_t mean) {
  // From the mode both ways: weight(k+1) = weight(k) mean/(k+1), weight(k-1) = weight(k) k/mean.
  constexpr Uint128 kMode = Uint128{1} << 100;
  std::vector<Uint128> falling;  // at mean-1, mean-2, ...
  Uint128 weight = kMode;
  for (uint64_t k = mean; k > 0 && weight > 0; --k) {
    weight = weight * k / mean;
    if (weight > 0) falling.push_back(weight);
  }
  below_.assign(falling.rbegin(), falling.rend());
  weight = kMode;
  for (uint64_t k = mean; weight > 0; ++k) {
    below_.push_back(weight);
    weight = weight * mean / (k + 1);
  }
  Uint128 sum = 0;
  for (Uint128& entry : below_) entry = sum += entry;
}

Result<Skellam> Skellam::Make(uint64_t variance) {
  if (variance < 2 || variance > kVarianceMax || variance % 2 != 0) {
    return Fail(ErrorCode::kInvalid,
                "the variance of Skellam noise must be even and from 2 to 2^24, not " +
                    std::to_string(variance));
  }
  return Skellam(variance / 2);
}

size_t Skellam::DrawPoisson(BitSource& bits) const {
  const Uint128 at = bits.Below(below_.back());
  // The first entry above `at`, by halving that takes the same steps for every answer.
  const Uint128* first = below_.data();
  for (size_t count = below_.size(); count > 1;) {
    const size_t half = count / 2;
    first += (first[half - 1] <= at) ? half : 0;
    count -= half;
  }
  return static_cast<size_t>(first - below_.data());
}

int64_t Skellam::Draw(BitSource& bits) const {
  const auto plus = static_cast<int64_t>(DrawPoisson(bits));
  return plus - static_cast<int64_t>(DrawPoisson(bits));
}

void Skellam::AddTo(std::span<int32_t> values, BitSource& bits) const {
  for (int32_t& value : values) {
    const int64_t sum = value + Draw(bits);
    DURE_CHECK(
        sum >= std::numeric_limits<int32_t>::min() && sum <= std::numeric_limits<int32_t>::max(),
        "settings leave room for noise");
    value = static_cast<int32_t>(sum);
  }
}

}  // namespace dure::noise
