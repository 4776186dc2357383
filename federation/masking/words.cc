#include "federation/masking/words.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

#include "federation/check.h"
#include "federation/codec/lane.h"
#include "federation/limits.h"

namespace dure::masking {
namespace {

int HighBitsOf(int32_t lane_max, uint32_t site_count) {
  const auto sum_max = static_cast<uint64_t>(lane_max) * site_count;
  const int with_sign = std::bit_width(sum_max) + 1;
  const int high = with_sign - (lane_max <= 127 ? 8 : 16);
  return high <= 0 ? 0 : static_cast<int>(std::bit_ceil(static_cast<unsigned>(high)));
}

}  // namespace

Result<WordLayout> WordLayout::Make(int32_t lane_max, uint32_t site_count,
                                    uint64_t parameter_count) {
  if (lane_max != 7 && lane_max != 127 && lane_max != 32767) {
    return Fail(ErrorCode::kInvalid,
                "lanes reach 7, 127 or 32767, not " + std::to_string(lane_max));
  }
  if (site_count == 0 || site_count > kSitesMax) {
    return Fail(ErrorCode::kInvalid, "a masked cohort has 1 to " + std::to_string(kSitesMax) +
                                         " sites, not " + std::to_string(site_count));
  }
  if (parameter_count == 0 || parameter_count > limits::kParameterCountMax) {
    return Fail(ErrorCode::kInvalid,
                "a segment of " + std::to_string(parameter_count) + " parameters cannot be masked");
  }
  WordLayout layout;
  layout.lane_max_ = lane_max;
  layout.site_count_ = site_count;
  layout.parameter_count_ = parameter_count;
  layout.high_bits_ = HighBitsOf(lane_max, site_count);
  return layout;
}

WordBytes WordLayout::word() const {
  if (lane_bytes() == 2) return WordBytes::k4;
  return high_bits_ == 0 ? WordBytes::k1 : WordBytes::k2;
}

uint64_t WordLayout::HighBytes(uint64_t count) const {
  // Blocks before the last are whole and take whole bytes, so this is also their total.
  return (count * static_cast<uint64_t>(high_bits_) + 7) / 8;
}

uint64_t WordLayout::PlaneBytes() const {
  return LowBytes(parameter_count_) + HighBytes(parameter_count_);
}

uint64_t WordLayout::LowOffset(uint64_t first) const {
  DURE_CHECK(first < parameter_count_ && first % codec::kBlockParameters == 0,
             "ranges begin at blocks");
  return HighBytes(first / codec::kSegmentParameters * codec::kSegmentParameters) + LowBytes(first);
}

uint64_t WordLayout::HighOffset(uint64_t first) const {
  DURE_CHECK(first < parameter_count_ && first % codec::kBlockParameters == 0,
             "ranges begin at blocks");
  const uint64_t run_end = (first / codec::kSegmentParameters + 1) * codec::kSegmentParameters;
  return HighBytes(first) + LowBytes(std::min(run_end, parameter_count_));
}

PlaneSpan PlanesOf(const WordLayout& layout, std::span<uint8_t> payload, WordRange range) {
  DURE_CHECK(payload.size() == layout.PayloadBytes() || payload.size() == layout.PlaneBytes(),
             "a payload has its layout's size");
  const uint64_t run = range.begin / codec::kSegmentParameters;
  DURE_CHECK(range.begin < range.end && range.end <= layout.parameter_count() &&
                 (range.end - 1) / codec::kSegmentParameters == run,
             "a range lies in one run");
  DURE_CHECK(range.end % codec::kBlockParameters == 0 || range.end == layout.parameter_count(),
             "a range ends at a block");
  return {payload.subspan(layout.LowOffset(range.begin), layout.LowBytes(range.size())),
          payload.subspan(layout.HighOffset(range.begin), layout.HighBytes(range.size()))};
}

Scalars ReadScalars(const WordLayout& layout, ByteView payload) {
  DURE_CHECK(payload.size() == layout.PayloadBytes(), "a payload has its layout's size");
  Scalars scalars;
  std::memcpy(scalars.data(), payload.data() + layout.PlaneBytes(), sizeof scalars);
  return scalars;
}

void WriteScalars(const WordLayout& layout, const Scalars& scalars, std::span<uint8_t> payload) {
  DURE_CHECK(payload.size() == layout.PayloadBytes(), "a payload has its layout's size");
  std::memcpy(payload.data() + layout.PlaneBytes(), scalars.data(), sizeof scalars);
}

}  // namespace dure::masking
