#include "federation/codec/merge.h"

#include <algorithm>
#include <string>
#include <vector>

#include "federation/check.h"
#include "federation/codec/kernels.h"
#include "federation/codec/typed.h"

namespace dure::codec {
namespace {

// The loops of one lane width under one name.
template <typename Lane>
struct Loops;
template <>
struct Loops<int8_t> {
  using Sum = int16_t;
  using Low = uint8_t;
  static constexpr auto kSum = &Kernels::sum8;
  static constexpr auto kPack = &Kernels::pack8;
};
template <>
struct Loops<int16_t> {
  using Sum = int32_t;
  using Low = uint16_t;
  static constexpr auto kSum = &Kernels::sum16;
  static constexpr auto kPack = &Kernels::pack16;
};

Status RefuseLane(const AggregateLayout& layout, uint64_t count, std::span<const ByteView> lanes) {
  for (size_t site = 0; site < lanes.size(); ++site) {
    if (const Status status = CheckLanes(layout.lane(), count, lanes[site]); !status) {
      return Within(status.error(), "contribution " + std::to_string(site));
    }
  }
  DURE_CHECK(false, "the lane just seen is still there");
}

template <typename LaneType>
Status Merge(const AggregateLayout& layout, size_t parameter_count, std::span<const ByteView> lanes,
             const MergeOutput& out) {
  using Sum = typename Loops<LaneType>::Sum;
  using Low = typename Loops<LaneType>::Low;
  const Kernels& kernels = BestKernels();
  const bool folded = layout.lane() == Lane::kInt4;
  std::vector<int8_t> room(folded ? lanes.size() * kBlock : 0);
  std::vector<const LaneType*> sites(lanes.size());
  Low* const low = Typed<Low>(out.planes.data());
  uint8_t* const high = out.planes.data() + layout.LowBytes(parameter_count);
  alignas(64) Sum sums[kBlockPadded] = {};
  for (size_t at = 0; at < parameter_count; at += kBlock) {
    const size_t count = std::min(kBlock, parameter_count - at);
    for (size_t site = 0; site < lanes.size(); ++site) {
      const std::span<int8_t> own =
          folded ? std::span(room).subspan(site * kBlock, kBlock) : std::span<int8_t>();
      sites[site] = Typed<LaneType>(BlockValues(layout.lane(), lanes[site], at, count, own));
    }
    const int32_t least =
        (kernels.*Loops<LaneType>::kSum)(count, sites.data(), sites.size(), 0, sums);
    if (least < -LaneMax(layout.lane())) return RefuseLane(layout, parameter_count, lanes);
    std::fill(sums + count, sums + kBlockPadded, Sum{0});
    out.squares[at / kBlock] = (kernels.*Loops<LaneType>::kPack)(
        count, sums, layout.high_bits(), low + at, high + layout.HighBytes(at));
  }
  return {};
}

}  // namespace

Status MergeSegment(const AggregateLayout& layout, uint64_t segment,
                    std::span<const ByteView> lanes, const MergeOutput& out) {
  const uint64_t count = layout.Segment(segment).size();
  DURE_CHECK(lanes.size() == layout.site_count(), "every site of the layout is merged");
  for (const ByteView lane : lanes) {
    DURE_CHECK(lane.size() == PackedBytes(layout.lane(), count),
               "a site's lanes cover the segment");
  }
  DURE_CHECK(out.planes.size() == layout.SegmentBytes(segment), "there is room for the planes");
  DURE_CHECK(out.squares.size() == BlockCount(count), "there is room for the squares");
  return LaneBytes(layout.lane()) == 1 ? Merge<int8_t>(layout, count, lanes, out)
                                       : Merge<int16_t>(layout, count, lanes, out);
}

}  // namespace dure::codec
