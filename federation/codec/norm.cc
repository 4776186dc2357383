#include "federation/codec/norm.h"

#include <algorithm>
#include <cmath>

#include "federation/check.h"
#include "federation/codec/encode.h"
#include "federation/codec/typed.h"

namespace dure::codec {
namespace {

// Of at most 1024 lanes: below 2^41.
template <typename T>
uint64_t SquaresOf(std::span<const T> lanes) {
  uint64_t sum = 0;
  for (const T lane : lanes) {
    const int64_t value = lane;
    sum += static_cast<uint64_t>(value * value);
  }
  return sum;
}

template <typename T>
double SquaresOf(std::span<const T> lanes, std::span<const float> scales, double unit) {
  double sum = 0;
  for (size_t block = 0; block < scales.size(); ++block) {
    const size_t begin = block * kBlockParameters;
    const size_t count = std::min<size_t>(kBlockParameters, lanes.size() - begin);
    const double scale = static_cast<double>(scales[block]) / unit;
    sum += static_cast<double>(SquaresOf(lanes.subspan(begin, count))) * (scale * scale);
  }
  return sum;
}

}  // namespace

double UpdateNorm(Lane lane, ByteView lanes, std::span<const float> scales, uint64_t weight) {
  DURE_CHECK(weight >= 1 && weight <= kWeightOne, "a weight is in (0, 1]");
  DURE_CHECK(scales.size() == BlockCount(lanes.size() / LaneBytes(lane)), "one scale a block");
  const double unit = static_cast<double>(LaneMax(lane)) * static_cast<double>(weight) /
                      static_cast<double>(kWeightOne);
  const size_t count = lanes.size() / LaneBytes(lane);
  const double squares =
      lane == Lane::kInt8 ? SquaresOf(std::span(Typed<int8_t>(lanes.data()), count), scales, unit)
                          : SquaresOf(std::span(Typed<int16_t>(lanes.data()), count), scales, unit);
  return std::sqrt(squares);
}

}  // namespace dure::codec
