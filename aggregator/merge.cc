#include "aggregator/merge.h"

#include <malloc.h>

#include "federation/codec/encode.h"
#include "federation/codec/norm.h"
#include "federation/codec/vectors.h"
#include "federation/crash_point.h"
#include "federation/masking/segment_files.h"
#include "federation/merging/vectors.h"
#include "federation/wire_hook.h"

namespace dure::aggregator {
namespace {

constexpr size_t kIdleHeapBytesMax = size_t{32} << 20;

struct Summed {
  std::vector<Digest> chunks;
  std::vector<uint64_t> shares;
};
// Fills `file` with the sum, or with what the run's rule makes of the contributions.
Result<Summed> Fill(const round::MergeRule& rule, const codec::AggregateLayout& layout,
                    const codec::MergeInput& in, const codec::OutputFile& file, int threads) {
  codec::Work pace;
  pace.threads = threads;
  if (rule.is_mean()) {
    DURE_ASSIGN(auto merged, codec::MergeContributions(layout, in, file, pace));
    return Summed{std::move(merged.chunks), {}};
  }
  DURE_ASSIGN(auto merged, merging::MergeByRule(rule, layout, in, file, pace));
  return Summed{std::move(merged.chunks), std::move(merged.shares)};
}

struct Aggregate {
  blob::Incoming file;
  std::vector<uint64_t> shares;
};
// The aggregate, written and named; the store takes it with the model.
Result<Aggregate> SumInto(const round::StartMerge& work, const round::RunManifest& manifest,
                          const codec::AggregateLayout& layout, blob::BlobStore& store,
                          const std::string& path, int threads) {
  std::vector<std::unique_ptr<blob::Reader>> readers;
  std::vector<ByteView> lanes;
  for (const round::Contribution& contribution : work.contributions) {
    DURE_ASSIGN(auto reader, store.Open(contribution.blob));
    lanes.push_back(reader->bytes());
    readers.push_back(std::move(reader));
  }
  DURE_ASSIGN(const auto scales,
              derivation::ScalesOf(work.base, manifest, layout.parameter_count(), store));
  DURE_ASSIGN(auto file, derivation::NewFile(store, path, layout.bytes(), codec::Caching::kKept));
  codec::MergeInput in;
  in.contributions = lanes;
  in.scales = scales;
  in.weight_sum = work.weight_sum;
  DURE_ASSIGN(auto summed, Fill(manifest.merge, layout, in, file, threads));
  DURE_ASSIGN(auto blob, blob::Manifest::Make(file.size(), std::move(summed.chunks)));
  return Aggregate{{path, std::move(blob)}, std::move(summed.shares)};
}

}  // namespace

void ReturnIdleMemory() {
  if (mallinfo2().fordblks > kIdleHeapBytesMax) malloc_trim(0);
}

Result<uint64_t> ParameterCountOf(const Digest& model, const blob::BlobStore& store) {
  DURE_ASSIGN(const auto reader, store.Open(model));
  return derivation::ShapeOf(reader->bytes()).map([](const auto& shape) {
    return shape.parameter_count;
  });
}

Result<MergeResult> Merge(const round::StartMerge& work, const round::RunManifest& manifest,
                          blob::BlobStore& store, const std::string& scratch, int threads) {
  DURE_ASSIGN(const uint64_t parameter_count, ParameterCountOf(work.base.model, store));
  const auto site_count = static_cast<uint32_t>(work.contributions.size());
  DURE_ASSIGN(const auto layout, codec::AggregateLayout::Make(derivation::LaneOf(manifest),
                                                              site_count, parameter_count));
  MergeResult result;
  const std::string path = scratch + "/" + manifest.run.str() + ".aggregate";
  DURE_ASSIGN(auto aggregate, SumInto(work, manifest, layout, store, path, threads));
  result.aggregate = aggregate.file.manifest.BlobDigest();
  result.shares = std::move(aggregate.shares);
  CrashPoint("aggregator.summed");
  const derivation::Step step{work.base, result.aggregate, site_count, work.weight_sum,
                              std::move(aggregate.file)};
  auto next = DeriveFromSum(step, manifest, store, scratch, threads);
  if (!next) store.Scrap(path);  // a full disk needs that room
  DURE_ASSIGN(result.next, std::move(next));
  return result;
}

namespace {

// A test's liar names planes that are none.
Result<blob::Manifest> ManifestOf(const std::string& planes, uint64_t bytes,
                                  std::vector<Digest> chunks) {
  Bytes changed;
  PassWire("aggregator.planes", planes, changed);
  if (!changed.empty()) return blob::ManifestOfFile(planes);
  return blob::Manifest::Make(bytes, std::move(chunks));
}

}  // namespace

Result<UnmaskedSum> Unmask(const masking::UnmaskSegment& work, const masking::Context& context,
                           const masking::Weighing& weighing, blob::BlobStore& store,
                           const std::string& path, int threads) {
  std::vector<std::unique_ptr<blob::Reader>> readers;
  std::vector<ByteView> payloads;
  for (const masking::SegmentPayload& one : work.survivors) {
    DURE_ASSIGN(auto reader, store.Open(one.payload));
    payloads.push_back(reader->bytes());
    readers.push_back(std::move(reader));
  }
  const masking::WordLayout masked = context.SegmentLayout(work.segment);
  DURE_ASSIGN(const auto sums, masking::WordLayout::Make(context.agreed.lane_max,
                                                         static_cast<uint32_t>(payloads.size()),
                                                         masked.parameter_count()));
  DURE_ASSIGN(auto file,
              derivation::NewFile(store, path, sums.PlaneBytes(), codec::Caching::kKept));
  codec::Work pace;
  pace.threads = threads;
  DURE_ASSIGN(auto unmasked,
              masking::UnmaskSegmentFiles(masked, payloads, work.undo, sums, weighing, file, pace));
  DURE_ASSIGN(const auto blob,
              ManifestOf(path, sums.PlaneBytes(), std::move(unmasked.plane_chunks)));
  UnmaskedSum sum;
  sum.scalars = unmasked.scalars;
  DURE_ASSIGN(sum.planes, store.Import(path, blob));
  ReturnIdleMemory();
  return sum;
}

Result<uint64_t> Measure(const masking::MeasureSegment& work, const masking::Context& context,
                         const blob::BlobStore& store, int threads) {
  DURE_ASSIGN(const auto planes, store.Open(work.result.planes));
  const masking::WordLayout whole = context.SegmentLayout(work.segment);
  DURE_ASSIGN(const auto sums, masking::WordLayout::Make(context.agreed.lane_max, work.survivors,
                                                         whole.parameter_count()));
  codec::Work pace;
  pace.threads = threads;
  DURE_ASSIGN(const auto products,
              masking::CheckSegmentFiles(sums, {planes->bytes(), work.result.scalars, {}, {}, {}},
                                         work.coefficients, pace));
  return products.result;
}

Result<round::Base> DeriveFromSum(const derivation::Step& step, const round::RunManifest& manifest,
                                  blob::BlobStore& store, const std::string& scratch, int threads) {
  codec::Work pace;
  pace.threads = threads;
  return derivation::DeriveNext(step, manifest, store, scratch, pace);
}

round::Verdict CheckNorm(const round::Submission& submission, const round::Base& base,
                         const round::RunManifest& manifest, uint64_t parameter_count,
                         const blob::BlobStore& store) {
  const bool bounded = manifest.norm_max > 0;
  if (!bounded) return submission.norm ? round::Verdict::kNotSigned : round::Verdict::kOk;
  const auto reader = store.Open(submission.contribution);
  const auto scales = derivation::ScalesOf(base, manifest, parameter_count, store);
  if (!reader || !scales) return round::Verdict::kMissing;
  const auto bytes = codec::ContributionBytes(derivation::LaneOf(manifest), parameter_count);
  if (!bytes || (*reader)->size() != *bytes) return round::Verdict::kCorrupt;
  const bool weighs = submission.weight >= 1 && submission.weight <= codec::kWeightOne;
  const codec::Lane lane = derivation::LaneOf(manifest);
  const bool holds =
      weighs && submission.norm == codec::UpdateNorm(lane, parameter_count, (*reader)->bytes(),
                                                     *scales, submission.weight);
  return holds ? round::Verdict::kOk : round::Verdict::kNotSigned;
}

round::Verdict CheckPayload(const Digest& payload, uint64_t bytes, const blob::BlobStore& store) {
  const auto reader = store.Open(payload);
  if (!reader) return round::Verdict::kMissing;
  return bytes != 0 && (*reader)->size() == bytes ? round::Verdict::kOk : round::Verdict::kCorrupt;
}

void KeepReadyForRound(const round::Base& base, const round::RunManifest& manifest, size_t cohort,
                       blob::BlobStore& store, const std::string& scratch) {
  const auto model = store.Open(base.model);
  const auto count = ParameterCountOf(base.model, store);
  if (!model || !count) return;
  const codec::Lane lane = derivation::LaneOf(manifest);
  auto contribution = codec::ContributionBytes(lane, *count);
  if (manifest.masked()) {
    contribution =
        masking::WordLayout::Make(codec::LaneMax(lane), static_cast<uint32_t>(cohort), *count)
            .map([](const auto& words) { return words.PayloadBytes(); });
  }
  const auto layout = codec::AggregateLayout::Make(lane, static_cast<uint32_t>(cohort), *count);
  if (!contribution || !layout) return;
  auto files = derivation::FilesOfDerivation((*model)->size(), manifest);
  files.push_back({layout->bytes()});
  files.insert(files.end(), cohort, {*contribution});
  derivation::KeepReady(store, scratch + "/" + manifest.run.str() + ".ready-", files);
}

round::Verdict CheckContribution(const Digest& contribution, const round::RunManifest& manifest,
                                 uint64_t parameter_count, const blob::BlobStore& store) {
  const auto reader = store.Open(contribution);
  if (!reader) return round::Verdict::kMissing;
  const codec::Lane lane = derivation::LaneOf(manifest);
  const auto bytes = codec::ContributionBytes(lane, parameter_count);
  if (!bytes || (*reader)->size() != *bytes) return round::Verdict::kCorrupt;
  return codec::CheckLanes(lane, parameter_count, (*reader)->bytes()) ? round::Verdict::kOk
                                                                      : round::Verdict::kCorrupt;
}

}  // namespace dure::aggregator
