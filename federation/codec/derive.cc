// The last phase of a round over whole vectors: see vectors.h.
#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "federation/codec/chunk_group.h"
#include "federation/codec/chunk_pair.h"
#include "federation/codec/chunk_writer.h"
#include "federation/codec/pieces.h"
#include "federation/codec/ranges.h"
#include "federation/codec/typed.h"
#include "federation/codec/vectors.h"
#include "federation/limits.h"

namespace dure::codec {
namespace {

// Around memory a thread with a chunk at a time waits four times as long for the disk as it
// computes; each holds 3 MiB. One with a group of them waits less, and holds 17.
constexpr int kThreadsWaiting = 5;
constexpr int kGroupThreadsWaiting = 2;  // besides those that compute
constexpr int kGroupThreadsMax = 8;

std::span<float> FloatsIn(std::span<uint8_t> bytes) {
  return {Typed<float>(bytes.data()), bytes.size() / sizeof(float)};
}

bool InGroups(int threads) { return WideHasher::IsFast() && threads <= kGroupThreadsMax; }

class ModelDeriver {
 public:
  ModelDeriver(const AggregateLayout& layout, const ModelInput& in, const OutputFile& model,
               const OutputFile* momentum, int threads)
      : layout_(layout), in_(in), model_(model), momentum_(momentum) {
    model_chunks.resize(ChunkCount(model.size()));
    if (keeps_momentum()) momentum_chunks.resize(model_chunks.size());
    squares.resize(BlockCount(layout.parameter_count()));
    // The header's chunks and the last one are made by themselves.
    const uint64_t first = ChunkCount(in.data_offset);
    const uint64_t whole = model.size() / limits::kChunkBytes;
    grouped_ = {first, first};
    if (in.in_groups && InGroups(threads) && whole > first)
      grouped_.end += (whole - first) / group_chunks() * group_chunks();
  }

  uint64_t piece_count() const { return groups() + model_chunks.size() - grouped_.size(); }

  // Some chunks of both files, or of the model's alone. The groups come first: they take longest.
  Result<uint64_t> Derive(uint64_t piece) {
    if (piece < groups()) return DeriveGroup(grouped_.begin + piece * group_chunks());
    const uint64_t single = piece - groups();
    return DeriveChunk(single < grouped_.begin ? single : single + grouped_.size());
  }

  std::vector<Digest> model_chunks;
  std::vector<Digest> momentum_chunks;
  std::vector<uint64_t> squares;

 private:
  bool keeps_momentum() const { return momentum_ != nullptr; }
  uint64_t group_chunks() const { return ChunkGroup::kChunks / (keeps_momentum() ? 2 : 1); }
  uint64_t groups() const { return grouped_.size() / group_chunks(); }

  Result<uint64_t> DeriveChunk(uint64_t chunk) {
    const uint64_t begin = chunk * limits::kChunkBytes;
    const uint64_t end = std::min<uint64_t>(begin + limits::kChunkBytes, model_.size());
    const uint64_t data = std::clamp(in_.data_offset, begin, end);
    ChunkPair& pair = ChunkPair::OfThisThread();
    DURE_ASSIGN(ByteView base, BaseAt(begin, pair.Source().first(end - begin)));
    pair.Begin(keeps_momentum());
    for (const std::span<uint8_t> header : pair.Room(data - begin)) {
      std::ranges::copy(base.first(header.size()), header.begin());
    }
    pair.Take(data - begin);
    base = base.subspan(data - begin);
    for (uint64_t at = data; at < end;) {
      const uint64_t bytes = std::min(kPieceParameters * sizeof(float), end - at);
      const auto [model, momentum] = pair.Room(bytes);
      DURE_TRY(Fill(at, base.first(bytes), model, momentum));
      pair.Take(bytes);
      base = base.subspan(bytes);
      at += bytes;
    }
    const auto digests = pair.Finish();
    model_chunks[chunk] = digests[0];
    DURE_TRY(model_.WriteAt(begin, pair.bytes(0)));
    if (keeps_momentum()) {
      momentum_chunks[chunk] = digests[1];
      DURE_TRY(momentum_->WriteAt(begin, pair.bytes(1)));
    }
    return (end - data) / sizeof(float);
  }

  // The models of the chunks from `first` on, then their momenta.
  Result<uint64_t> DeriveGroup(uint64_t first) {
    ChunkGroup& group = ChunkGroup::OfThisThread();
    group.Begin();
    const size_t count = group_chunks();
    std::array<ByteView, ChunkGroup::kChunks> base;
    for (size_t i = 0; i < count; ++i) {
      DURE_ASSIGN(base[i], BaseAt((first + i) * limits::kChunkBytes, group.chunk(i)));
    }
    while (group.filled() < limits::kChunkBytes) {
      const size_t at = group.filled();
      for (size_t i = 0; i < count; ++i) DURE_TRY(FillStep(group, first, i, base[i].subspan(at)));
      group.Take();
    }
    const auto digests = group.Finish();
    for (size_t i = 0; i < count; ++i) {
      const uint64_t chunk = first + i;
      model_chunks[chunk] = digests[i];
      DURE_TRY(model_.WriteAt(chunk * limits::kChunkBytes, group.chunk(i)));
      if (!keeps_momentum()) continue;
      momentum_chunks[chunk] = digests[count + i];
      DURE_TRY(momentum_->WriteAt(chunk * limits::kChunkBytes, group.chunk(count + i)));
    }
    return count * limits::kChunkBytes / sizeof(float);
  }

  // A step of the index-th chunk of a group, from a base that may lie where the model goes.
  Status FillStep(ChunkGroup& group, uint64_t first, size_t index, ByteView base) {
    constexpr size_t kBytes = ChunkGroup::kStepBytes;
    const size_t at = group.filled();
    alignas(64) std::array<uint8_t, kBytes> apart;
    const auto model = group.chunk(index).subspan(at, kBytes);
    base = base.first(kBytes);
    if (base.data() == model.data()) {
      std::ranges::copy(base, apart.begin());
      base = apart;
    }
    std::span<uint8_t> momentum;
    if (keeps_momentum()) momentum = group.chunk(group_chunks() + index).subspan(at, kBytes);
    return Fill((first + index) * limits::kChunkBytes + at, base, model, momentum);
  }

  // The base's bytes from `begin` on: where they are in memory, else read into `room`.
  Result<ByteView> BaseAt(uint64_t begin, std::span<uint8_t> room) const {
    if (in_.base_input == nullptr) return in_.base_file.subspan(begin, room.size());
    return in_.base_input->View(begin, room);
  }

  // Bytes of the vector from `at` in the file on; that and their end are multiples of 4096 behind
  // data_offset, so they begin at a block, or the file's end.
  Status Fill(uint64_t at, ByteView base, std::span<uint8_t> model, std::span<uint8_t> momentum) {
    const uint64_t first = (at - in_.data_offset) / sizeof(float);
    Range rest{first, first + model.size() / sizeof(float)};
    while (rest.size() > 0) {
      const uint64_t segment_end = layout_.Segment(rest.begin / kSegmentParameters).end;
      const Range piece{rest.begin, std::min(rest.end, segment_end)};
      const size_t bytes = piece.size() * sizeof(float);
      const size_t kept = keeps_momentum() ? bytes : 0;
      DURE_TRY(Step(piece, {Typed<float>(base.data()), piece.size()},
                    {FloatsIn(model.first(bytes)), FloatsIn(momentum.first(kept))}));
      base = base.subspan(bytes);
      model = model.subspan(bytes);
      momentum = momentum.subspan(kept);
      rest.begin = piece.end;
    }
    return {};
  }

  Status Step(Range piece, std::span<const float> base, const OuterOutput& out) {
    const OuterInput in{base,
                        keeps_momentum() ? Of(in_.momentum, piece) : std::span<const float>()};
    return OuterStepRange(
        layout_, in_.outer,
        {PlanesOf(layout_, in_.aggregate, piece), OfBlocks(in_.scales, piece), in_.weight_sum,
         in_.turn_back ? &in_.turn_back : nullptr, piece.begin / kBlockParameters},
        in, out, OfBlocks(std::span(squares), piece));
  }

  const AggregateLayout& layout_;
  const ModelInput& in_;
  const OutputFile& model_;
  const OutputFile* const momentum_;
  Range grouped_;  // the chunks that are made in groups
};

Status CheckModelInput(const AggregateLayout& layout, const ModelInput& in, const OutputFile& model,
                       const OutputFile* momentum) {
  const uint64_t count = layout.parameter_count();
  DURE_TRY(Check(in.outer));
  DURE_TRY(CheckScales(in.scales, count));
  DURE_TRY(CheckWeightSum(in.weight_sum, layout.site_count()));
  DURE_TRY(Require(in.data_offset % 4096 == 0, "the model's vector is not at a multiple of 4096"));
  DURE_TRY(Require(in.base_file.size() == in.data_offset + count * sizeof(float),
                   "the base model has another size than its layout"));
  DURE_TRY(Require(in.momentum.empty() || in.momentum.size() == count,
                   "the momentum has another shape than the model"));
  DURE_TRY(Require(model.size() == in.base_file.size(), "the new model's file has another size"));
  DURE_TRY(Require((momentum != nullptr) == in.outer.keeps_momentum(),
                   "momentum is written exactly if the outer optimizer keeps one"));
  DURE_TRY(Require(momentum == nullptr || momentum->size() == model.size(),
                   "the new momentum's file has another size than the model's"));
  if (in.aggregate.size() != layout.bytes()) {
    return Fail(ErrorCode::kCorrupt, "the aggregate has " + std::to_string(in.aggregate.size()) +
                                         " bytes where its layout has " +
                                         std::to_string(layout.bytes()));
  }
  return {};
}

}  // namespace

int ThreadsAroundMemory(int threads, bool in_groups) {
  const int of_groups = threads + kGroupThreadsWaiting;
  return in_groups && InGroups(of_groups) ? of_groups : threads * kThreadsWaiting;
}

Result<DerivedModel> DeriveModel(const AggregateLayout& layout, const ModelInput& in,
                                 const OutputFile& model, const OutputFile* momentum,
                                 const Work& work) {
  DURE_TRY(CheckModelInput(layout, in, model, momentum));
  const uint64_t count = layout.parameter_count();
  ModelDeriver deriver(layout, in, model, momentum, work.threads);
  DURE_TRY(RunPieces(work, deriver.piece_count(), count,
                     [&](uint64_t piece) { return deriver.Derive(piece); }));
  if (in.keeps_scales) {
    return DerivedModel{std::move(deriver.model_chunks),
                        std::move(deriver.momentum_chunks),
                        {in.scales.begin(), in.scales.end()}};
  }
  DURE_ASSIGN(std::vector<float> next,
              NextScales(in.scales, {layout.lane(), layout.site_count(), in.weight_sum, count,
                                     deriver.squares}));
  return DerivedModel{std::move(deriver.model_chunks), std::move(deriver.momentum_chunks),
                      std::move(next)};
}

}  // namespace dure::codec
