#include "federation/codec/lane.h"

#include <algorithm>
#include <string>

#include "federation/check.h"
#include "federation/codec/kernels.h"
#include "federation/codec/typed.h"
#include "federation/limits.h"

namespace dure::codec {
namespace {

constexpr uint64_t DivideUp(uint64_t count, uint64_t unit) { return (count + unit - 1) / unit; }

}  // namespace

std::string_view Name(Lane lane) { return lane == Lane::kInt8 ? "int8" : "int16"; }

Result<Lane> LaneFromName(std::string_view name) {
  for (const Lane lane : {Lane::kInt8, Lane::kInt16}) {
    if (name == Name(lane)) return lane;
  }
  return Fail(ErrorCode::kInvalid,
              "no codec lane is called '" + std::string(name) + "'; there are int8 and int16");
}

uint32_t CohortMax(Lane lane) {
  // Plane 0 and eight bits of plane 1 hold a two's complement sum of 8*LaneBytes + 8 bits.
  const int64_t sum_max = (int64_t{1} << (8 * LaneBytes(lane) + 7)) - 1;
  return static_cast<uint32_t>(
      std::min<int64_t>(sum_max / LaneMax(lane), int64_t{limits::kSitesMax}));
}

uint64_t SegmentCount(uint64_t parameter_count) {
  return DivideUp(parameter_count, kSegmentParameters);
}

uint64_t BlockCount(uint64_t parameter_count) {
  return DivideUp(parameter_count, kBlockParameters);
}

Range SegmentAt(uint64_t parameter_count, uint64_t segment) {
  DURE_CHECK(segment < SegmentCount(parameter_count), "a segment lies in the vector");
  const uint64_t begin = segment * kSegmentParameters;
  return {begin, std::min(begin + kSegmentParameters, parameter_count)};
}

Result<uint64_t> ContributionBytes(Lane lane, uint64_t parameter_count) {
  if (parameter_count == 0 || parameter_count > limits::kParameterCountMax) {
    return Fail(ErrorCode::kInvalid, "a model of " + std::to_string(parameter_count) +
                                         " parameters is outside 1.." +
                                         std::to_string(limits::kParameterCountMax));
  }
  return parameter_count * LaneBytes(lane);
}

Status CheckLanes(Lane lane, ByteView lanes) {
  const uint64_t width = LaneBytes(lane);
  if (lanes.size() % width != 0) return Fail(ErrorCode::kInvalid, "the lanes end within a lane");
  const Kernels& kernels = BestKernels();
  for (size_t offset = 0; offset < lanes.size(); offset += kBlock * width) {
    const size_t count = std::min<size_t>(kBlock, (lanes.size() - offset) / width);
    const uint8_t* const at = lanes.data() + offset;
    const int32_t least = lane == Lane::kInt8 ? kernels.least8(count, Typed<int8_t>(at))
                                              : kernels.least16(count, Typed<int16_t>(at));
    if (least < -LaneMax(lane)) {
      return Fail(ErrorCode::kInvalid, "a lane holds " + std::to_string(least) +
                                           ", which no encoder sends; the contribution is "
                                           "damaged or of another codec");
    }
  }
  return {};
}

}  // namespace dure::codec
