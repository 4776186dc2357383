#include "federation/codec/aggregate.h"

#include <algorithm>
#include <bit>
#include <string>

#include "federation/check.h"
#include "federation/codec/kernels.h"
#include "federation/codec/typed.h"

namespace dure::codec {
namespace {

int HighBits(Lane lane, uint32_t site_count) {
  const auto sum_max = static_cast<uint64_t>(LaneMax(lane)) * site_count;
  const int with_sign = std::bit_width(sum_max) + 1;
  const int high = with_sign - static_cast<int>(8 * LaneBytes(lane));
  return high <= 0 ? 0 : static_cast<int>(std::bit_ceil(static_cast<unsigned>(high)));
}

// Bits of plane 1 of one block that no parameter uses.
bool UnusedBitsAreZero(ByteView high, int bits, size_t count) {
  const size_t stride = high.size();
  const auto mask = static_cast<unsigned>((1 << bits) - 1);
  const size_t parts = static_cast<size_t>(8 / bits);
  for (size_t i = count; i < parts * stride; ++i) {
    if (((high[i % stride] >> (static_cast<int>(i / stride) * bits)) & mask) != 0) return false;
  }
  return true;
}

}  // namespace

Result<AggregateLayout> AggregateLayout::Make(Lane lane, uint32_t site_count,
                                              uint64_t parameter_count) {
  DURE_TRY(ContributionBytes(lane, parameter_count));
  if (site_count == 0 || site_count > CohortMax(lane)) {
    return Fail(ErrorCode::kInvalid, "a cohort of " + std::to_string(site_count) +
                                         " sites is outside 1.." + std::to_string(CohortMax(lane)) +
                                         ", which " + std::string(Name(lane)) + " lanes can sum");
  }
  AggregateLayout layout;
  layout.lane_ = lane;
  layout.site_count_ = site_count;
  layout.parameter_count_ = parameter_count;
  layout.high_bits_ = HighBits(lane, site_count);
  layout.bytes_ = layout.LowBytes(parameter_count) + layout.HighBytes(parameter_count);
  return layout;
}

int32_t AggregateLayout::sum_max() const {
  return LaneMax(lane_) * static_cast<int32_t>(site_count_);
}

uint64_t AggregateLayout::HighBytes(uint64_t count) const {
  // Blocks before the last are whole and take whole bytes, so this is also their total.
  return (count * static_cast<uint64_t>(high_bits_) + 7) / 8;
}

uint64_t AggregateLayout::LowOffset(uint64_t first) const {
  DURE_CHECK(first < parameter_count_ && first % kBlockParameters == 0, "ranges begin at blocks");
  const uint64_t segment_begin = first / kSegmentParameters * kSegmentParameters;
  return HighBytes(segment_begin) + LowBytes(first);
}

uint64_t AggregateLayout::HighOffset(uint64_t first) const {
  DURE_CHECK(first < parameter_count_ && first % kBlockParameters == 0, "ranges begin at blocks");
  const uint64_t segment_end = Segment(first / kSegmentParameters).end;
  return HighBytes(first) + LowBytes(segment_end);
}

uint64_t AggregateLayout::SegmentBytes(uint64_t segment) const {
  const uint64_t count = Segment(segment).size();
  return LowBytes(count) + HighBytes(count);
}

PlaneView PlanesOf(const AggregateLayout& layout, ByteView aggregate, Range range) {
  DURE_CHECK(aggregate.size() == layout.bytes(), "the aggregate has its layout's size");
  const Range segment = layout.Segment(range.begin / kSegmentParameters);
  DURE_CHECK(range.begin < range.end && range.end <= segment.end, "a range lies in one segment");
  DURE_CHECK(range.end % kBlockParameters == 0 || range.end == layout.parameter_count(),
             "a range ends at a block or with the vector");
  return {aggregate.subspan(layout.LowOffset(range.begin), layout.LowBytes(range.size())),
          aggregate.subspan(layout.HighOffset(range.begin), layout.HighBytes(range.size()))};
}

Status UnpackSums(const AggregateLayout& layout, PlaneView planes, std::span<int32_t> sums) {
  DURE_CHECK(planes.low.size() == layout.LowBytes(sums.size()), "plane 0 has its size");
  DURE_CHECK(planes.high.size() == layout.HighBytes(sums.size()), "plane 1 has its size");
  const Kernels& kernels = BestKernels();
  const int bits = layout.high_bits();
  for (size_t at = 0; at < sums.size(); at += kBlock) {
    const size_t count = std::min(kBlock, sums.size() - at);
    const uint8_t* const low = planes.low.data() + layout.LowBytes(at);
    const ByteView high = planes.high.subspan(layout.HighBytes(at), layout.HighBytes(count));
    int32_t* const to = sums.data() + at;
    const int32_t most = LaneBytes(layout.lane()) == 1
                             ? kernels.unpack8(count, low, high.data(), bits, to)
                             : kernels.unpack16(count, Typed<uint16_t>(low), high.data(), bits, to);
    if (most > layout.sum_max()) {
      return Fail(ErrorCode::kCorrupt, "the aggregate holds a sum that its sites cannot reach");
    }
    if (count < kBlock && bits > 0 && !UnusedBitsAreZero(high, bits, count)) {
      return Fail(ErrorCode::kCorrupt, "the aggregate uses bits that belong to no parameter");
    }
  }
  return {};
}

}  // namespace dure::codec
