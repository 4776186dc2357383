#include "federation/codec/lane.h"

#include <algorithm>
#include <array>
#include <string>

#include "federation/check.h"
#include "federation/codec/kernels.h"
#include "federation/codec/typed.h"
#include "federation/limits.h"

namespace dure::codec {
namespace {

constexpr uint64_t DivideUp(uint64_t count, uint64_t unit) { return (count + unit - 1) / unit; }

}  // namespace

std::string_view Name(Lane lane) {
  return lane == Lane::kInt4 ? "int4" : lane == Lane::kInt8 ? "int8" : "int16";
}

Result<Lane> LaneFromName(std::string_view name) {
  for (const Lane lane : {Lane::kInt4, Lane::kInt8, Lane::kInt16}) {
    if (name == Name(lane)) return lane;
  }
  return Fail(ErrorCode::kInvalid, "no codec lane is called '" + std::string(name) +
                                       "'; there are int4, int8 and int16");
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
  return PackedBytes(lane, parameter_count);
}

void PackLanes(Lane lane, ByteView values, std::span<uint8_t> packed) {
  const uint64_t count = values.size() / LaneBytes(lane);
  DURE_CHECK(packed.size() == PackedBytes(lane, count), "there is room for the lanes");
  if (lane != Lane::kInt4) {
    std::ranges::copy(values, packed.begin());
    return;
  }
  const Kernels& kernels = BestKernels();
  for (size_t at = 0; at < count; at += kBlock) {
    kernels.fold4(std::min<size_t>(kBlock, count - at), Typed<int8_t>(values.data() + at),
                  packed.data() + PackedBytes(lane, at));
  }
}

const uint8_t* BlockValues(Lane lane, ByteView packed, uint64_t first, size_t count,
                           std::span<int8_t> room) {
  const uint8_t* const at = packed.data() + PackedBytes(lane, first);
  if (lane != Lane::kInt4) return at;
  BestKernels().unfold4(count, at, room.data());
  return reinterpret_cast<const uint8_t*>(room.data());
}

Status CheckLanes(Lane lane, uint64_t count, ByteView packed) {
  if (packed.size() != PackedBytes(lane, count)) {
    return Fail(ErrorCode::kInvalid, std::to_string(packed.size()) + " bytes are not " +
                                         std::to_string(count) + " lanes of " +
                                         std::string(Name(lane)));
  }
  if (lane == Lane::kInt4 && count % 2 != 0 && packed.back() >> 4 != 0) {
    return Fail(ErrorCode::kInvalid, "the contribution ends with a half byte that is no lane");
  }
  const Kernels& kernels = BestKernels();
  std::array<int8_t, kBlock> room;
  for (uint64_t first = 0; first < count; first += kBlock) {
    const size_t lanes = std::min<uint64_t>(kBlock, count - first);
    const uint8_t* const at = BlockValues(lane, packed, first, lanes, room);
    const int32_t least = LaneBytes(lane) == 1 ? kernels.least8(lanes, Typed<int8_t>(at))
                                               : kernels.least16(lanes, Typed<int16_t>(at));
    if (least < -LaneMax(lane)) {
      return Fail(ErrorCode::kInvalid, "a lane holds " + std::to_string(least) +
                                           ", which no encoder sends; the contribution is "
                                           "damaged or of another codec");
    }
  }
  return {};
}

}  // namespace dure::codec
