#include "federation/codec/vectors.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "federation/codec/chunk_writer.h"
#include "federation/codec/merge.h"
#include "federation/codec/pieces.h"
#include "federation/codec/ranges.h"
#include "federation/codec/typed.h"
#include "federation/limits.h"

namespace dure::codec {
namespace {

template <typename T>
ByteView RawBytes(std::span<const T> values) {
  return {reinterpret_cast<const uint8_t*>(values.data()), values.size_bytes()};
}

// --- encode
// ---------------------------------------------------------------------------------------

class UpdateEncoder {
 public:
  UpdateEncoder(const UpdateInput& in, const EncodeParameters& parameters, const OutputFile& lanes,
                const OutputFile& residual)
      : in_(in), parameters_(parameters), lanes_(lanes), residual_(residual) {
    chunks_.resize(ChunkCount(lanes.size()));
    // A piece of int4 lanes is two segments, which end at a chunk boundary.
    const uint64_t segment_bytes = PackedBytes(parameters.lane, kSegmentParameters);
    const uint64_t segments = std::max<uint64_t>(1, limits::kChunkBytes / segment_bytes);
    piece_parameters_ = segments * kSegmentParameters;
    stats_.resize(piece_count());
  }

  uint64_t piece_count() const {
    return (in_.base.size() + piece_parameters_ - 1) / piece_parameters_;
  }

  Result<uint64_t> Encode(uint64_t index) {
    const uint64_t first = index * piece_parameters_;
    const Range range{first, std::min(first + piece_parameters_, in_.base.size())};
    const uint64_t width = LaneBytes(parameters_.lane);
    ChunkWriter writer(lanes_, chunks_, PackedBytes(parameters_.lane, range.begin));
    std::vector<uint8_t> lanes(kPieceParameters * width);
    std::vector<uint8_t> packed(PackedBytes(parameters_.lane, kPieceParameters));
    std::vector<float> residual(kPieceParameters);
    for (uint64_t begin = range.begin; begin < range.end; begin += kPieceParameters) {
      const Range piece{begin, std::min(begin + kPieceParameters, range.end)};
      const EncodeOutput out{std::span(lanes).first(piece.size() * width),
                             std::span(residual).first(piece.size())};
      DURE_ASSIGN(const EncodeStats stats,
                  EncodeRange(parameters_, begin,
                              {Of(in_.base, piece), Of(in_.trained, piece), Of(in_.residual, piece),
                               OfBlocks(in_.scales, piece)},
                              out));
      stats_[index].Add(stats);
      DURE_TRY(writer.Append(Packed(out.lanes, packed)));
      DURE_TRY(
          residual_.WriteAt(begin * sizeof(float), RawBytes(std::span<const float>(out.residual))));
    }
    return range.size();
  }

  EncodedUpdate Take() {
    EncodedUpdate update;
    for (const EncodeStats& stats : stats_) update.stats.Add(stats);
    update.lane_chunks = std::move(chunks_);
    return update;
  }

 private:
  ByteView Packed(ByteView lanes, std::span<uint8_t> room) const {
    if (parameters_.lane != Lane::kInt4) return lanes;
    const auto packed = room.first(PackedBytes(parameters_.lane, lanes.size()));
    PackLanes(parameters_.lane, lanes, packed);
    return packed;
  }

  const UpdateInput& in_;
  const EncodeParameters& parameters_;
  const OutputFile& lanes_;
  const OutputFile& residual_;
  uint64_t piece_parameters_ = 0;
  std::vector<Digest> chunks_;
  std::vector<EncodeStats> stats_;
};

// --- merge
// ----------------------------------------------------------------------------------------

class Merger {
 public:
  Merger(const AggregateLayout& layout, const MergeInput& in, const OutputFile& aggregate)
      : layout_(layout), in_(in), aggregate_(aggregate) {
    chunks.resize(ChunkCount(aggregate.size()));
    squares.resize(BlockCount(layout.parameter_count()));
    // The fewest segments that together end at a chunk boundary.
    segments_a_piece_ = limits::kChunkBytes / std::gcd(uint64_t{limits::kChunkBytes},
                                                       layout.LowBytes(kSegmentParameters) +
                                                           layout.HighBytes(kSegmentParameters));
  }

  uint64_t piece_count() const {
    return (layout_.segment_count() + segments_a_piece_ - 1) / segments_a_piece_;
  }

  Result<uint64_t> Merge(uint64_t piece) {
    const uint64_t begin = piece * segments_a_piece_;
    const uint64_t end = std::min(begin + segments_a_piece_, layout_.segment_count());
    ChunkWriter writer(aggregate_, chunks, layout_.SegmentOffset(begin));
    Bytes planes(layout_.SegmentBytes(begin));
    std::vector<ByteView> lanes(in_.contributions.size());
    uint64_t parameters = 0;
    for (uint64_t segment = begin; segment < end; ++segment) {
      const Range range = layout_.Segment(segment);
      for (size_t site = 0; site < lanes.size(); ++site) {
        lanes[site] = in_.contributions[site].subspan(PackedBytes(layout_.lane(), range.begin),
                                                      PackedBytes(layout_.lane(), range.size()));
      }
      const MergeOutput out{std::span(planes).first(layout_.SegmentBytes(segment)),
                            OfBlocks(std::span(squares), range)};
      DURE_TRY(MergeSegment(layout_, segment, lanes, out));
      DURE_TRY(writer.Append(out.planes));
      parameters += range.size();
    }
    return parameters;
  }

  std::vector<Digest> chunks;
  std::vector<uint64_t> squares;

 private:
  const AggregateLayout& layout_;
  const MergeInput& in_;
  const OutputFile& aggregate_;
  uint64_t segments_a_piece_ = 1;
};

}  // namespace

Result<EncodedUpdate> EncodeUpdate(const UpdateInput& in, const EncodeParameters& parameters,
                                   const OutputFile& lanes, const OutputFile& residual,
                                   const Work& work) {
  const uint64_t count = in.base.size();
  DURE_ASSIGN(const uint64_t lane_bytes, ContributionBytes(parameters.lane, count));
  DURE_TRY(CheckScales(in.scales, count));
  DURE_TRY(
      Require(in.trained.size() == count, "the trained model has another shape than the base"));
  DURE_TRY(Require(in.residual.empty() || in.residual.size() == count,
                   "the residual has another shape than the base"));
  DURE_TRY(Require(parameters.weight >= 1 && parameters.weight <= kWeightOne,
                   "the contribution's weight is outside (0, 1]"));
  DURE_TRY(Require(lanes.size() == lane_bytes, "the contribution's file has another size"));
  DURE_TRY(Require(residual.size() == count * sizeof(float),
                   "the next residual's file has another size"));
  UpdateEncoder encoder(in, parameters, lanes, residual);
  DURE_TRY(RunPieces(work, encoder.piece_count(), count,
                     [&](uint64_t piece) { return encoder.Encode(piece); }));
  return encoder.Take();
}

Result<MergedAggregate> MergeContributions(const AggregateLayout& layout, const MergeInput& in,
                                           const OutputFile& aggregate, const Work& work) {
  const uint64_t count = layout.parameter_count();
  DURE_TRY(CheckScales(in.scales, count));
  DURE_TRY(CheckWeightSum(in.weight_sum, layout.site_count()));
  DURE_TRY(Require(in.contributions.size() == layout.site_count(),
                   "there is not one contribution a site of the layout"));
  for (const ByteView contribution : in.contributions) {
    DURE_TRY(Require(contribution.size() == PackedBytes(layout.lane(), count),
                     "a contribution has another size than the model's lanes"));
  }
  DURE_TRY(Require(aggregate.size() == layout.bytes(), "the aggregate's file has another size"));
  Merger merger(layout, in, aggregate);
  DURE_TRY(RunPieces(work, merger.piece_count(), count,
                     [&](uint64_t piece) { return merger.Merge(piece); }));
  DURE_ASSIGN(std::vector<float> next,
              NextScales(in.scales, {layout.lane(), layout.site_count(), in.weight_sum, count,
                                     merger.squares}));
  return MergedAggregate{std::move(merger.chunks), std::move(next)};
}

std::vector<Digest> ChunkDigests(ByteView bytes) {
  std::vector<Digest> digests;
  digests.reserve(ChunkCount(bytes.size()));
  for (size_t at = 0; at < bytes.size(); at += limits::kChunkBytes) {
    digests.push_back(Sha256(bytes.subspan(at, std::min(limits::kChunkBytes, bytes.size() - at))));
  }
  return digests;
}

}  // namespace dure::codec
