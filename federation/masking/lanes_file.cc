#include <optional>

#include "federation/codec/chunk_writer.h"
#include "federation/codec/pieces.h"
#include "federation/masking/runs.h"
#include "federation/masking/segment_files.h"

namespace dure::masking {
namespace {

Status Require(bool fits, std::string_view what) {
  if (!fits) return Fail(ErrorCode::kInvalid, std::string(what));
  return {};
}

class LanesMasker {
 public:
  LanesMasker(ByteView lanes, const WordLayout& layout, std::span<const Mask> masks,
              const codec::OutputFile& payload)
      : lanes_(lanes),
        layout_(layout),
        masks_(masks),
        payload_(payload),
        cut_(layout),
        chunks_(codec::ChunkCount(payload.size())) {}

  uint64_t pieces() const { return cut_.pieces(); }

  Result<uint64_t> MaskPiece(uint64_t piece) {
    codec::ChunkWriter writer(payload_, chunks_, cut_.Offset(piece));
    RunPlanes planes(layout_);
    uint64_t parameters = 0;
    for (uint64_t run = cut_.FirstRun(piece); run < cut_.EndRun(piece); ++run) {
      const WordRange range = cut_.Run(run);
      DURE_TRY(MaskRun(range, planes.Planes(range.size())));
      DURE_TRY(writer.Append(planes.Bytes(range.size())));
      parameters += range.size();
    }
    // The last chunk is not whole before the scalars.
    if (piece + 1 == cut_.pieces()) last_.emplace(std::move(writer));
    return parameters;
  }

  Result<MaskedSegment> Finish(const Scalars& scalars) {
    MaskedSegment result;
    result.scalars = scalars;
    Scalars masked = scalars;
    masks_.Apply(masked);
    DURE_TRY(last_->Append({reinterpret_cast<const uint8_t*>(masked.data()), sizeof masked}));
    result.payload_chunks = std::move(chunks_);
    return result;
  }

 private:
  Status MaskRun(WordRange run, PlaneSpan out) const {
    for (uint64_t at = 0; at < run.size(); at += kChunkParameters) {
      const uint64_t count = std::min(kChunkParameters, run.size() - at);
      const WordRange range{run.begin + at, run.begin + at + count};
      DURE_TRY(MaskLanes(layout_, masks_, range,
                         lanes_.subspan(layout_.LowBytes(range.begin), layout_.LowBytes(count)),
                         {out.low.subspan(layout_.LowBytes(at), layout_.LowBytes(count)),
                          out.high.subspan(layout_.HighBytes(at), layout_.HighBytes(count))}));
    }
    return {};
  }

  const ByteView lanes_;
  const WordLayout& layout_;
  const Masks masks_;
  const codec::OutputFile& payload_;
  const Cut cut_;
  std::vector<Digest> chunks_;
  std::optional<codec::ChunkWriter> last_;  // of the last piece; set by one worker
};

}  // namespace

Result<MaskedSegment> MaskLanesFile(ByteView lanes, const Scalars& scalars,
                                    const WordLayout& layout, std::span<const Mask> masks,
                                    const codec::OutputFile& payload, const codec::Work& work) {
  const uint64_t count = layout.parameter_count();
  DURE_TRY(Require(lanes.size() == layout.LowBytes(count), "the lanes have another size"));
  DURE_TRY(Require(payload.size() == layout.PayloadBytes(), "the payload's file has another size"));
  for (const uint64_t scalar : scalars) {
    DURE_TRY(Require(scalar < kScalarMax, "a scalar has no room in its sum"));
  }
  LanesMasker masker(lanes, layout, masks, payload);
  DURE_TRY(codec::RunPieces(work, masker.pieces(), count,
                            [&](uint64_t piece) { return masker.MaskPiece(piece); }));
  return masker.Finish(scalars);
}

}  // namespace dure::masking
