#include "federation/codec/norm.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "federation/check.h"
#include "federation/codec/encode.h"
#include "federation/codec/typed.h"

namespace dure::codec {
namespace {

// Of at most 1024 lanes: below 2^41.
template <typename T>
uint64_t SquaresOf(const T* lanes, size_t count) {
  uint64_t sum = 0;
  for (size_t i = 0; i < count; ++i) {
    const int64_t value = lanes[i];
    sum += static_cast<uint64_t>(value * value);
  }
  return sum;
}

}  // namespace

double UpdateNorm(Lane lane, uint64_t count, ByteView lanes, std::span<const float> scales,
                  uint64_t weight) {
  DURE_CHECK(weight >= 1 && weight <= kWeightOne, "a weight is in (0, 1]");
  DURE_CHECK(lanes.size() == PackedBytes(lane, count), "lanes are whole");
  DURE_CHECK(scales.size() == BlockCount(count), "one scale a block");
  const double unit = static_cast<double>(LaneMax(lane)) * static_cast<double>(weight) /
                      static_cast<double>(kWeightOne);
  std::array<int8_t, kBlockParameters> room;
  double squares = 0;
  for (size_t block = 0; block < scales.size(); ++block) {
    const uint64_t first = block * kBlockParameters;
    const size_t here = std::min<uint64_t>(kBlockParameters, count - first);
    const uint8_t* const at = BlockValues(lane, lanes, first, here, room);
    const uint64_t exact = LaneBytes(lane) == 1 ? SquaresOf(Typed<int8_t>(at), here)
                                                : SquaresOf(Typed<int16_t>(at), here);
    const double scale = static_cast<double>(scales[block]) / unit;
    squares += static_cast<double>(exact) * (scale * scale);
  }
  return std::sqrt(squares);
}

}  // namespace dure::codec
