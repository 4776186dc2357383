// An update on its way to the integer grid, for noise: clipped, rotated, rounded at random.
//
// In the order of use: Rotate spreads each block's mass over its coordinates (the same public signs
// at every site), SquaredNorm and ClipFactor bound the L2 norm, ClipCoordinates bounds each
// coordinate, RoundToGrid makes integers of the same mean. After the sum has been decoded,
// Unrotate. Sums are in double, in the order of the coordinates, so every machine has the same
// bits. Pure but for the chance of rounding; any thread.
#pragma once

#include <cstdint>
#include <span>

#include "federation/digest.h"
#include "federation/noise/bit_source.h"
#include "federation/result.h"

namespace dure::noise {

inline constexpr size_t kRotationBlock = 1024;  // 1/32 of a sum of 1024 is exact

// Multiplies each whole block of 1024 by the Hadamard matrix / 32, after signs from (seed, index of
// the block); the norm stays. The rest beyond the last whole block stays as it is. A vector with
// few large coordinates becomes one of many of like size, so that coordinate bounds and integer
// lanes waste less; one that is even already gains nothing. `first_block`: of the span in the
// whole vector.
void Rotate(const Digest& seed, uint64_t first_block, std::span<float> values);
// The inverse.
void Unrotate(const Digest& seed, uint64_t first_block, std::span<float> values);

// Of one range; the norm of a vector is from the sum over its ranges in order.
double SquaredNorm(std::span<const float> values);

// By what to multiply a vector of this squared norm so that its norm is at most `clip`, also after
// the product is rounded to float: at most 1, and a millionth below clip/norm otherwise.
// kInvalid: the norm is not finite. REQUIRES: clip > 0.
Result<float> ClipFactor(double squared_norm, double clip);

// Each value times `factor`, then within [-bound, bound]. Returns how many met the bound.
// REQUIRES: bound > 0, finite values.
uint64_t ClipCoordinates(float factor, float bound, std::span<float> values);

// Each value times `scale`, rounded to one of its two neighbours so that its mean is kept (to
// 2^-32). Returns the sum of squares of the integers, of at most 2^31 each.
// kInvalid: a product is not finite or beyond 2^30; the output is then void.
Result<Uint128> RoundToGrid(std::span<const float> values, double scale, BitSource& bits,
                            std::span<int32_t> out);

// Whether integers of this sum of squares keep `norm_max`. If not, the whole vector is rounded
// anew with other bits: privacy::RoundedNormMax says how seldom.
bool KeepsNorm(Uint128 sum_of_squares, double norm_max);

}  // namespace dure::noise
