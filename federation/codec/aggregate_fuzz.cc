// Bytes of outside that the codec reads: scales, lanes, and the planes of an aggregate.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "federation/codec/aggregate.h"
#include "federation/codec/merge.h"
#include "federation/codec/scales.h"

namespace dure::codec {
namespace {

void FuzzAggregate(Lane lane, uint32_t sites, ByteView bytes) {
  // The parameter count whose planes these bytes would be; copied, so that they stand aligned.
  uint64_t count = bytes.size() / LaneBytes(lane);
  while (count > 0) {
    const auto layout = AggregateLayout::Make(lane, sites, count);
    if (!layout) return;
    if (layout->bytes() <= bytes.size()) break;
    --count;
  }
  if (count == 0) return;
  const AggregateLayout layout = *AggregateLayout::Make(lane, sites, count);
  const Bytes aggregate(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(layout.bytes()));
  std::vector<int32_t> sums(std::min(count, kSegmentParameters));
  if (!UnpackSums(layout, PlanesOf(layout, aggregate, {0, sums.size()}), sums)) return;
  const auto reachable = [&](int32_t sum) { return std::abs(sum) <= layout.sum_max(); };
  if (!std::all_of(sums.begin(), sums.end(), reachable)) std::abort();
}

// What passes the check merges, and gives back its own bytes. The last parameter count of a size
// is odd for int4 with an odd number of sites.
void FuzzContribution(Lane lane, uint32_t sites, ByteView packed) {
  const uint64_t odd = lane == Lane::kInt4 ? sites % 2 : 0;
  const uint64_t count =
      lane == Lane::kInt4 ? packed.size() * 2 - odd : packed.size() / LaneBytes(lane);
  if (packed.empty() || !CheckLanes(lane, count, packed)) return;
  Bytes values;
  std::array<int8_t, kBlockParameters> room;
  for (uint64_t first = 0; first < count; first += kBlockParameters) {
    const uint64_t here = std::min(kBlockParameters, count - first);
    const uint8_t* const at = BlockValues(lane, packed, first, here, room);
    values.insert(values.end(), at, at + here * LaneBytes(lane));
  }
  Bytes again(packed.size());
  PackLanes(lane, values, again);
  if (!std::ranges::equal(again, packed)) std::abort();
  if (count > kSegmentParameters) return;
  const AggregateLayout layout = *AggregateLayout::Make(lane, 1, count);
  Bytes planes(layout.bytes());
  std::vector<uint64_t> squares(BlockCount(count));
  if (!MergeSegment(layout, 0, std::array{packed}, {planes, squares})) std::abort();
}

}  // namespace
}  // namespace dure::codec

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dure;
  using namespace dure::codec;
  if (size < 2 || size > (1u << 20)) return 0;
  const Lane lane = data[0] % 3 == 2 ? Lane::kInt4 : data[0] % 2 == 0 ? Lane::kInt8 : Lane::kInt16;
  const uint32_t sites = 1u + data[1];
  const ByteView rest(data + 2, size - 2);
  FuzzAggregate(lane, sites, rest);
  const Bytes aligned(rest.begin(), rest.end());
  FuzzContribution(lane, sites, aligned);
  const auto scales = ParseScales(aligned, aligned.size() / 4 * kBlockParameters);
  if (scales && SerializeScales(*scales) != aligned) std::abort();
  return 0;
}
