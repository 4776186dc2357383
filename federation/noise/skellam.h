// Skellam integers: the difference of two Poisson integers of mean variance/2 each; sums of Skellam
// shares are Skellam.
//
// Poisson integers come from a table of cumulative weights in 128-bit integers, built by exact
// recurrence from the mode with weights cut at 2^-100 of it, and searched in the same number of
// steps whatever is drawn. No floating-point number is involved; a draw is within kDistance of the
// true distribution, which an account adds to delta once a coordinate and round.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "federation/noise/bit_source.h"
#include "federation/result.h"

namespace dure::noise {

class Skellam {
 public:
  static constexpr uint64_t kVarianceMax = uint64_t{1} << 24;  // a table of 4 MB
  // Statistical distance of one draw from the true distribution: 2^-80.
  static constexpr double kDistance = 0x1p-80;

  // kInvalid: variance is odd, 0 or above kVarianceMax.
  static Result<Skellam> Make(uint64_t variance);

  int64_t Draw(BitSource& bits) const;
  // Adds a draw to each value. REQUIRES: as DiscreteGaussian::AddTo.
  void AddTo(std::span<int32_t> values, BitSource& bits) const;

 private:
  explicit Skellam(uint64_t mean);
  size_t DrawPoisson(BitSource& bits) const;  // less the table's first value

  std::vector<Uint128> below_;  // below_[i]: weight of all values up to the i-th, inclusive
};

}  // namespace dure::noise
