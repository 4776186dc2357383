#include "federation/masking/encode_masked.h"

#include <algorithm>

#include "federation/check.h"

namespace dure::masking {

Result<codec::EncodeStats> EncodeMasked(const codec::EncodeParameters& parameters,
                                        uint64_t segment_first, const codec::EncodeInput& in,
                                        const WordLayout& layout, const Masks& masks,
                                        WordRange range, const MaskedOutput& out) {
  DURE_CHECK(in.base.size() == range.size() && out.residual.size() == range.size(),
             "floats fill the range");
  codec::EncodeStats stats;
  for (uint64_t at = 0; at < range.size(); at += kChunkParameters) {
    const uint64_t count = std::min(kChunkParameters, range.size() - at);
    const uint64_t block = at / codec::kBlockParameters;
    const auto lanes = out.lanes.subspan(layout.LowBytes(at), layout.LowBytes(count));
    const codec::EncodeInput part{
        in.base.subspan(at, count), in.trained.subspan(at, count),
        in.residual.empty() ? in.residual : in.residual.subspan(at, count),
        in.scales.subspan(block, codec::BlockCount(count))};
    DURE_ASSIGN(const codec::EncodeStats one,
                codec::EncodeRange(parameters, segment_first + range.begin + at, part,
                                   {lanes, out.residual.subspan(at, count)}));
    stats.Add(one);
    DURE_TRY(MaskLanes(layout, masks, {range.begin + at, range.begin + at + count}, lanes,
                       {out.planes.low.subspan(layout.LowBytes(at), layout.LowBytes(count)),
                        out.planes.high.subspan(layout.HighBytes(at), layout.HighBytes(count))}));
  }
  return stats;
}

}  // namespace dure::masking
