// Exact sums of one segment: lanes of every site in, planes of the aggregate out. Integer addition,
// so the order of the sites does not matter and every machine gives the same bytes. Pure: the
// caller owns all memory; a block is read once from every site and leaves the first-level cache as
// planes.
#pragma once

#include <cstdint>
#include <span>

#include "federation/bytes.h"
#include "federation/codec/aggregate.h"
#include "federation/result.h"

namespace dure::codec {

struct MergeOutput {
  std::span<uint8_t> planes;    // SegmentBytes(segment)
  std::span<uint64_t> squares;  // one a block of the segment: the sum of squared sums
};

// `lanes` holds, for each site in any order, its lanes of this segment as they stand in its
// contribution.
// REQUIRES: lanes.size() == layout.site_count(), every span and both outputs have the segment's
// sizes. kInvalid: a lane of -L-1, which no encoder sends; the message names the position in
// `lanes`; outputs are void.
Status MergeSegment(const AggregateLayout& layout, uint64_t segment,
                    std::span<const ByteView> lanes, const MergeOutput& out);

}  // namespace dure::codec
