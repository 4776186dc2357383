// Lanes: the integer grid on which updates are added, and how the flat vector is cut for work on
// it.
//
// An update leaves a site as one lane per parameter: an integer in [-L, L], int4 (L = 7), int8
// (L = 127) or int16 (L = 32767), without a header. L leaves out the most negative value, so the
// grid is symmetric and the sum of M lanes lies in [-M*L, M*L]. In memory, and where masks are
// added, a lane is a value of whole bytes, little-endian; in a contribution in the clear int4 lanes
// stand two a byte, and the others as they are. A cohort too large for the planes of the aggregate
// is refused here, before a round. Everything is pure; any thread may call it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "federation/bytes.h"
#include "federation/result.h"

namespace dure::codec {

// The unit of work and of the aggregate's layout: any segment is encoded, merged and derived alone.
inline constexpr uint64_t kSegmentParameters = uint64_t{1} << 20;
// Parameters that share one scale. A segment is a whole number of blocks; the last of the vector
// may be short.
inline constexpr uint64_t kBlockParameters = 1024;

enum class Lane : uint8_t { kInt8 = 1, kInt16 = 2, kInt4 = 3 };  // numbers of manifests

// L, and the bytes of a lane as a value. An int4 lane is a value of one byte.
constexpr int32_t LaneMax(Lane lane) {
  return lane == Lane::kInt4 ? 7 : lane == Lane::kInt8 ? 127 : 32767;
}
constexpr uint64_t LaneBytes(Lane lane) { return lane == Lane::kInt16 ? 2 : 1; }

std::string_view Name(Lane lane);                  // "int8": the plan's codec id
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

// The bytes of `count` lanes of a contribution that begin at a block. A block of n int4 lanes takes
// m = (n + 1) / 2 bytes, of which byte k holds lane k in its low half and lane k + m in the other;
// a half that belongs to no lane is zero.
constexpr uint64_t PackedBytes(Lane lane, uint64_t count) {
  return lane == Lane::kInt4 ? (count + 1) / 2 : count * LaneBytes(lane);
}
// Values (LaneBytes each) to a contribution's bytes. REQUIRES: they begin at a block, each is a
// lane, and packed.size() is PackedBytes of them.
void PackLanes(Lane lane, ByteView values, std::span<uint8_t> packed);
// Back to values, a block at a time: `count` lanes of a contribution from lane `first` on, where
// they stand, or in `room` if they had to be unpacked. REQUIRES: first is a multiple of
// kBlockParameters, count at most that, and the contribution has those lanes; room is
// kBlockParameters.
const uint8_t* BlockValues(Lane lane, ByteView packed, uint64_t first, size_t count,
                           std::span<int8_t> room);

// Whether bytes from outside are the lanes of a whole contribution, or of its first `count`
// parameters: kInvalid if they have another size, hold the one value no encoder sends (-L-1), or
// use a half byte that is no lane's. Memory speed.
Status CheckLanes(Lane lane, uint64_t count, ByteView packed);

}  // namespace dure::codec
