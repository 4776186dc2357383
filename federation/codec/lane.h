// Lanes: the integer grid on which updates are added, and how the flat vector is cut for work on
// it.
//
// An update leaves a site as one lane per parameter: an integer in [-L, L], int8 (L = 127) or int16
// (L = 32767), little-endian, without a header. L leaves out the most negative value, so the grid
// is symmetric and the sum of M lanes lies in [-M*L, M*L]. A cohort too large for the planes of the
// aggregate is refused here, before a round. Everything is pure; any thread may call it.
#pragma once

#include <cstdint>
#include <string_view>

#include "federation/bytes.h"
#include "federation/result.h"

namespace dure::codec {

// The unit of work and of the aggregate's layout: any segment is encoded, merged and derived alone.
inline constexpr uint64_t kSegmentParameters = uint64_t{1} << 20;
// Parameters that share one scale. A segment is a whole number of blocks; the last of the vector
// may be short.
inline constexpr uint64_t kBlockParameters = 1024;

enum class Lane : uint8_t { kInt8 = 1, kInt16 = 2 };  // the value is the lane's width in bytes

constexpr uint64_t LaneBytes(Lane lane) { return static_cast<uint64_t>(lane); }
constexpr int32_t LaneMax(Lane lane) { return lane == Lane::kInt8 ? 127 : 32767; }  // L

std::string_view Name(Lane lane);                  // "int8", "int16": the plan's codec id
Result<Lane> LaneFromName(std::string_view name);  // kInvalid for any other name

// The largest cohort whose sums surely fit the planes of an aggregate; never above
// limits::kSitesMax.
uint32_t CohortMax(Lane lane);

// [begin, end) of parameters in the flat vector.
struct Range {
  uint64_t begin = 0;
  uint64_t end = 0;
  uint64_t size() const { return end - begin; }
  bool operator==(const Range&) const = default;
};

uint64_t SegmentCount(uint64_t parameter_count);
uint64_t BlockCount(uint64_t parameter_count);  // also the number of scales
// REQUIRES: segment < SegmentCount(parameter_count).
Range SegmentAt(uint64_t parameter_count, uint64_t segment);

// Size of a contribution. kInvalid if parameter_count is 0 or above limits::kParameterCountMax.
Result<uint64_t> ContributionBytes(Lane lane, uint64_t parameter_count);

// Whether bytes from outside are lanes: kInvalid if a partial lane or the one value no encoder
// sends (-L-1) is found. Any piece of a contribution may be checked alone, as it arrives; memory
// speed.
Status CheckLanes(Lane lane, ByteView lanes);

}  // namespace dure::codec
