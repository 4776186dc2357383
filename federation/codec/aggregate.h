// The aggregate: the exact sum of all lanes per parameter, packed so that it costs little more than
// one contribution, and laid out so that any range of blocks is found by arithmetic alone.
//
// Per segment, plane 0 holds the low lane-width bits of each sum (two's complement), plane 1 the
// remaining high bits at 0, 1, 2, 4 or 8 a parameter: the fewest that hold site_count * L. In plane
// 1 a block of n parameters takes m = ceil(n*bits/8) bytes and parameter j of it stands in byte j
// mod m at bit bits*(j div m): neighbours go to neighbouring bytes, which vector units like; unused
// bits are zero. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>

#include "federation/bytes.h"
#include "federation/codec/lane.h"
#include "federation/result.h"

namespace dure::codec {

class AggregateLayout {
 public:
  // kInvalid: no parameters or more than limits::kParameterCountMax, no sites or more than
  // CohortMax(lane).
  static Result<AggregateLayout> Make(Lane lane, uint32_t site_count, uint64_t parameter_count);

  Lane lane() const { return lane_; }
  uint32_t site_count() const { return site_count_; }
  uint64_t parameter_count() const { return parameter_count_; }
  int high_bits() const { return high_bits_; }  // a parameter in plane 1
  int32_t sum_max() const;                      // site_count * L
  uint64_t bytes() const { return bytes_; }     // of the whole aggregate
  uint64_t segment_count() const { return SegmentCount(parameter_count_); }
  Range Segment(uint64_t segment) const { return SegmentAt(parameter_count_, segment); }

  // Byte offsets in the aggregate. REQUIRES: first < parameter_count, a multiple of 1024.
  uint64_t LowOffset(
      uint64_t first) const;  // plane 0 of the parameters from `first` on, to their segment's end
  uint64_t HighOffset(uint64_t first) const;  // plane 1 of the same
  // Bytes in either plane of `count` parameters that begin at a block. Plane 0 has the width of a
  // lane as a value: eight bits for int4, which hold the sums of up to 18 sites.
  uint64_t LowBytes(uint64_t count) const { return count * LaneBytes(lane_); }
  uint64_t HighBytes(uint64_t count) const;
  uint64_t SegmentOffset(uint64_t segment) const { return LowOffset(segment * kSegmentParameters); }
  uint64_t SegmentBytes(uint64_t segment) const;

 private:
  AggregateLayout() = default;
  Lane lane_ = Lane::kInt8;
  uint32_t site_count_ = 0;
  int high_bits_ = 0;
  uint64_t parameter_count_ = 0;
  uint64_t bytes_ = 0;
};

// The two planes of the same parameters.
struct PlaneView {
  ByteView low;
  ByteView high;
};

// The planes of `range` within a whole aggregate.
// REQUIRES: aggregate.size() == layout.bytes(); range begins at a block, lies in one segment, and
// ends at a block or at the vector's end.
PlaneView PlanesOf(const AggregateLayout& layout, ByteView aggregate, Range range);

// Sums of sums.size() parameters that begin at a block, from bytes of outside. REQUIRES: the
// planes' sizes are LowBytes and HighBytes of sums.size(). kCorrupt: a sum beyond sum_max, or an
// unused bit that is set.
Status UnpackSums(const AggregateLayout& layout, PlaneView planes, std::span<int32_t> sums);

}  // namespace dure::codec
