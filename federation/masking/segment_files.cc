#include "federation/masking/segment_files.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "federation/codec/chunk_writer.h"
#include "federation/codec/pieces.h"
#include "federation/masking/runs.h"

namespace dure::masking {
namespace {

using codec::kSegmentParameters;

Status Require(bool fits, std::string_view what) {
  if (!fits) return Fail(ErrorCode::kInvalid, std::string(what));
  return {};
}

ByteView RawBytes(std::span<const float> values) {
  return {reinterpret_cast<const uint8_t*>(values.data()), values.size_bytes()};
}

template <typename T>
std::span<T> Of(std::span<T> values, WordRange range) {
  return values.empty() ? values : values.subspan(range.begin, range.size());
}

ByteView ScalarBytes(const Scalars& scalars) {
  return {reinterpret_cast<const uint8_t*>(scalars.data()), sizeof scalars};
}

class Masker {
 public:
  Masker(const SegmentUpdate& update, const WordLayout& layout, std::span<const Mask> masks,
         const codec::OutputFile& payload, const FilePart& lanes, const FilePart& residual)
      : update_(update),
        layout_(layout),
        masks_(masks),
        payload_(payload),
        lanes_(lanes),
        residual_(residual),
        cut_(layout),
        chunks_(codec::ChunkCount(payload.size())),
        stats_(cut_.pieces()) {}

  uint64_t pieces() const { return cut_.pieces(); }

  Result<uint64_t> MaskPiece(uint64_t piece) {
    codec::ChunkWriter writer(payload_, chunks_, cut_.Offset(piece));
    RunPlanes planes(layout_);
    const uint64_t longest = cut_.Run(cut_.FirstRun(piece)).size();  // only the last is shorter
    Bytes lanes(layout_.LowBytes(longest));
    std::vector<float> residual(longest);
    uint64_t parameters = 0;
    for (uint64_t run = cut_.FirstRun(piece); run < cut_.EndRun(piece); ++run) {
      const WordRange range = cut_.Run(run);
      const MaskedOutput out{planes.Planes(range.size()),
                             std::span(lanes).first(layout_.LowBytes(range.size())),
                             std::span(residual).first(range.size())};
      const codec::UpdateInput& in = update_.in;
      const codec::EncodeInput part{Of(in.base, range), Of(in.trained, range),
                                    Of(in.residual, range),
                                    in.scales.subspan(range.begin / codec::kBlockParameters,
                                                      codec::BlockCount(range.size()))};
      DURE_ASSIGN(const codec::EncodeStats stats,
                  EncodeMasked(update_.parameters, update_.segment_first, part, layout_, masks_,
                               range, out));
      stats_[piece].Add(stats);
      DURE_TRY(writer.Append(planes.Bytes(range.size())));
      DURE_TRY(lanes_.file.WriteAt(lanes_.offset + layout_.LowBytes(range.begin), out.lanes));
      DURE_TRY(residual_.file.WriteAt(residual_.offset + range.begin * sizeof(float),
                                      RawBytes(out.residual)));
      parameters += range.size();
    }
    // The last chunk is not whole before the scalars.
    if (piece + 1 == cut_.pieces()) last_.emplace(std::move(writer));
    return parameters;
  }

  Result<MaskedSegment> Finish() {
    MaskedSegment result;
    for (const codec::EncodeStats& stats : stats_) result.stats.Add(stats);
    result.scalars = update_.scalars;
    result.scalars[static_cast<size_t>(Scalar::kSaturated)] = result.stats.saturated;
    for (const uint64_t scalar : result.scalars) {
      DURE_TRY(Require(scalar < kScalarMax, "a scalar has no room in its sum"));
    }
    Scalars masked = result.scalars;
    masks_.Apply(masked);
    DURE_TRY(last_->Append(ScalarBytes(masked)));
    result.payload_chunks = std::move(chunks_);
    return result;
  }

 private:
  const SegmentUpdate& update_;
  const WordLayout& layout_;
  const Masks masks_;
  const codec::OutputFile& payload_;
  const FilePart& lanes_;
  const FilePart& residual_;
  const Cut cut_;
  std::vector<Digest> chunks_;
  std::vector<codec::EncodeStats> stats_;
  std::optional<codec::ChunkWriter> last_;  // of the last piece; set by one worker
};

Result<int32_t> ReachOf(const Weighing& weighing, const WordLayout& sums, const Scalars& scalars) {
  if (const auto refused = CheckWeights(weighing, scalars, sums.site_count())) {
    return Fail(ErrorCode::kCorrupt, refused->why);
  }
  return LaneSumMax(weighing, sums, scalars);
}

}  // namespace

Result<MaskedSegment> MaskSegmentFiles(const SegmentUpdate& update, const WordLayout& layout,
                                       std::span<const Mask> masks,
                                       const codec::OutputFile& payload, const FilePart& lanes,
                                       const FilePart& residual, const codec::Work& work) {
  const uint64_t count = layout.parameter_count();
  const codec::UpdateInput& in = update.in;
  DURE_TRY(Require(in.base.size() == count && in.trained.size() == count &&
                       (in.residual.empty() || in.residual.size() == count),
                   "the update has another shape than its segment"));
  DURE_TRY(codec::CheckScales(in.scales, count));
  DURE_TRY(Require(codec::LaneMax(update.parameters.lane) == layout.lane_max(),
                   "the encoder's lanes are not those of the round"));
  DURE_TRY(Require(update.parameters.weight >= 1 && update.parameters.weight <= codec::kWeightOne,
                   "the contribution's weight is outside (0, 1]"));
  DURE_TRY(Require(update.segment_first % kSegmentParameters == 0, "a segment begins at a run"));
  DURE_TRY(Require(payload.size() == layout.PayloadBytes(), "the payload's file has another size"));
  DURE_TRY(Require(lanes.offset + layout.LowBytes(count) <= lanes.file.size() &&
                       residual.offset + count * sizeof(float) <= residual.file.size(),
                   "lanes or residual end before the segment"));
  Masker masker(update, layout, masks, payload, lanes, residual);
  DURE_TRY(codec::RunPieces(work, masker.pieces(), count,
                            [&](uint64_t piece) { return masker.MaskPiece(piece); }));
  return masker.Finish();
}

Result<UnmaskedSegment> UnmaskSegmentFiles(const WordLayout& masked,
                                           std::span<const ByteView> payloads,
                                           std::span<const Mask> undo, const WordLayout& sums,
                                           const Weighing& weighing,
                                           const codec::OutputFile& planes,
                                           const codec::Work& work) {
  DURE_TRY(Require(payloads.size() == sums.site_count() &&
                       sums.parameter_count() == masked.parameter_count() &&
                       sums.lane_max() == masked.lane_max(),
                   "the sum is not that of the payloads"));
  for (const ByteView payload : payloads) {
    DURE_TRY(Require(payload.size() == masked.PayloadBytes(), "a payload has another size"));
  }
  DURE_TRY(Require(planes.size() == sums.PlaneBytes(), "the planes' file has another size"));
  const Masks masks(undo);
  const Cut cut(sums);
  UnmaskedSegment result;
  std::vector<Scalars> scalars;
  for (const ByteView payload : payloads) scalars.push_back(ReadScalars(masked, payload));
  DURE_ASSIGN(result.scalars, UnmaskScalars(scalars, masks));
  DURE_ASSIGN(const int32_t reach, ReachOf(weighing, sums, result.scalars));
  result.plane_chunks.resize(codec::ChunkCount(planes.size()));
  const auto unmask = [&](uint64_t piece) -> Result<uint64_t> {
    codec::ChunkWriter writer(planes, result.plane_chunks, cut.Offset(piece));
    RunPlanes out(sums);
    uint64_t parameters = 0;
    for (uint64_t run = cut.FirstRun(piece); run < cut.EndRun(piece); ++run) {
      const WordRange range = cut.Run(run);
      std::vector<codec::PlaneView> views;
      for (const ByteView payload : payloads) {
        views.push_back(
            {payload.subspan(masked.LowOffset(range.begin), masked.LowBytes(range.size())),
             payload.subspan(masked.HighOffset(range.begin), masked.HighBytes(range.size()))});
      }
      DURE_TRY(UnmaskRange(masked, {views, masks, reach}, range, sums, out.Planes(range.size())));
      DURE_TRY(writer.Append(out.Bytes(range.size())));
      parameters += range.size();
    }
    return parameters;
  };
  DURE_TRY(codec::RunPieces(work, cut.pieces(), sums.parameter_count(), unmask));
  return result;
}

namespace {

// By blocks, which stay in cache. `planes` are the run's, `lanes` the segment's or empty.
Result<CheckProducts> CheckRun(const WordLayout& sums, const WordRange& range,
                               const codec::PlaneView& planes, ByteView lanes, int32_t reach,
                               const Keystream& stream) {
  alignas(64) std::array<int32_t, codec::kBlockParameters> block;
  CheckProducts products;
  for (uint64_t at = 0; at < range.size(); at += block.size()) {
    const uint64_t first = range.begin + at;
    const std::span<int32_t> values =
        std::span(block).first(std::min<uint64_t>(block.size(), range.size() - at));
    DURE_TRY(ReadSums(sums,
                      {planes.low.subspan(sums.LowBytes(at), sums.LowBytes(values.size())),
                       planes.high.subspan(sums.HighBytes(at), sums.HighBytes(values.size()))},
                      values, reach));
    if (lanes.empty()) {
      products.result = FieldSum(products.result, InnerProduct(stream, first, values));
      continue;
    }
    const InnerProducts both =
        InnerProductsOf(stream, first, values, sums.lane_bytes(),
                        lanes.subspan(sums.LowBytes(first), sums.LowBytes(values.size())));
    products.result = FieldSum(products.result, both.of_values);
    products.own = FieldSum(products.own, both.of_lanes);
  }
  return products;
}

}  // namespace

Result<CheckProducts> CheckSegmentFiles(const WordLayout& sums, const CheckSides& sides,
                                        const StreamKey& coefficients, const codec::Work& work) {
  const uint64_t count = sums.parameter_count();
  DURE_TRY(Require(sides.planes.size() == sums.PlaneBytes(), "the planes have another size"));
  DURE_TRY(Require(sides.lanes.empty() || sides.lanes.size() == sums.LowBytes(count),
                   "the lanes have another size"));
  DURE_ASSIGN(const int32_t reach, ReachOf(sides.weighing, sums, sides.result));
  const Keystream stream(coefficients);
  const uint64_t runs = codec::SegmentCount(count);
  std::vector<CheckProducts> parts(runs);
  const Cut cut(sums);
  const auto check = [&](uint64_t run) -> Result<uint64_t> {
    const WordRange range = cut.Run(run);
    const ByteView low =
        sides.planes.subspan(sums.LowOffset(range.begin), sums.LowBytes(range.size()));
    const ByteView high =
        sides.planes.subspan(sums.HighOffset(range.begin), sums.HighBytes(range.size()));
    DURE_ASSIGN(parts[run], CheckRun(sums, range, {low, high}, sides.lanes, reach, stream));
    return range.size();
  };
  DURE_TRY(codec::RunPieces(work, runs, count, check));
  CheckProducts products{0, InnerProduct(stream, sides.result)};
  if (!sides.lanes.empty()) products.own = InnerProduct(stream, sides.own);
  for (const CheckProducts& part : parts) {
    products.own = FieldSum(products.own, part.own);
    products.result = FieldSum(products.result, part.result);
  }
  return products;
}

}  // namespace dure::masking
