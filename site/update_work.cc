#include "site/update_work.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "federation/canonical.h"
#include "federation/codec/norm.h"
#include "federation/derivation/derivation.h"
#include "federation/masking/weighing.h"
#include "federation/merging/direction.h"
#include "federation/noise/lanes.h"
#include "federation/wire_hook.h"
#include "policy/safeguard/safeguard.h"

namespace dure::site {
namespace {

constexpr size_t kFoldParameters = 256 * 1024;

uint64_t RoundingSeed(const round::RunManifest& manifest, RoundNumber round, const SiteId& site) {
  const Bytes bytes = CanonicalWriter()
                          .Text("dure-rounding")
                          .Text(manifest.run.str())
                          .U64(round.value)
                          .Text(site.str())
                          .U64(manifest.inner.seed)
                          .Take();
  const Digest digest = Sha256(bytes);
  uint64_t seed = 0;
  for (int i = 0; i < 8; ++i) seed = seed << 8 | digest.bytes[static_cast<size_t>(i)];
  return seed;
}

// The flat vector of a model file, mapped for as long as this lives.
struct FlatFile {
  codec::MappedFile file;
  derivation::ModelShape shape;
  std::span<const float> floats() const {
    return file.Floats(shape.data_offset).first(shape.parameter_count);
  }

  static Result<FlatFile> Open(const std::string& path) {
    DURE_ASSIGN(auto file, codec::MappedFile::Open(path));
    DURE_ASSIGN(const auto shape, derivation::ShapeOf(file.bytes()));
    return FlatFile{std::move(file), shape};
  }
};

Result<FlatFile> OpenBase(const Digest& model, const blob::BlobStore& store) {
  DURE_ASSIGN(const std::string path, store.PathOf(model));
  return FlatFile::Open(path);
}

// What an update is encoded from, open for as long as this lives.
struct UpdateFiles {
  FlatFile base;
  FlatFile trained;
  std::vector<float> scales;
  std::optional<codec::MappedFile> residual;
  codec::EncodeParameters parameters;
  uint64_t weight = 0;  // as stated

  uint64_t count() const { return base.shape.parameter_count; }
  codec::UpdateInput in() const {
    codec::UpdateInput in;
    in.base = base.floats();
    in.trained = trained.floats();
    in.scales = scales;
    if (residual) in.residual = residual->Floats();
    return in;
  }

  static Result<UpdateFiles> Open(const round::EncodeUpdate& work,
                                  const round::RunManifest& manifest, const SiteId& site,
                                  const RunFolder& folder, const blob::BlobStore& store,
                                  const codec::Work& pace) {
    DURE_ASSIGN(auto base, OpenBase(work.plan.base.model, store));
    DURE_ASSIGN(auto trained, FlatFile::Open(folder.trained(work.round).string()));
    if (trained.shape.parameter_count != base.shape.parameter_count) {
      return Fail(ErrorCode::kInvalid, "the trainer's result has another size than the base model");
    }
    const uint64_t count = base.shape.parameter_count;
    DURE_ASSIGN(auto scales, derivation::ScalesOf(work.plan.base, manifest, count, store));
    UpdateFiles files{std::move(base), std::move(trained), std::move(scales), {}, {}, 0};
    if (work.residual_from != 0 && !manifest.privacy.noisy()) {
      DURE_ASSIGN(files.residual,
                  codec::MappedFile::Open(folder.residual(work.residual_from).string()));
    }
    files.parameters.lane = derivation::LaneOf(manifest);
    files.parameters.seed = RoundingSeed(manifest, work.round, site);
    if (manifest.weighting == round::Weighting::kTokens) {
      DURE_ASSIGN(files.parameters.weight,
                  codec::WeightOf(work.tokens, work.plan.reference_tokens));
    }
    const masking::Weighing weighing = masking::WeighingOf(manifest);
    files.parameters.within_weight = weighing.within_weight;
    if (manifest.merge.kind == round::MergeKind::kDirectionNorm) {
      DURE_ASSIGN(files.parameters.weight,
                  merging::DirectionWeight(files.in(), files.parameters.lane, pace));
    }
    files.weight = std::max(files.parameters.weight, weighing.least);
    return files;
  }
};

// What an encoding makes, gone again unless it came to its end: a full disk needs that room, if
// only to fold the update back.
class HalfMade {
 public:
  explicit HalfMade(std::vector<std::filesystem::path> paths) : paths_(std::move(paths)) {}
  HalfMade(const HalfMade&) = delete;
  HalfMade& operator=(const HalfMade&) = delete;
  ~HalfMade() {
    std::error_code ignored;
    for (const auto& path : paths_) std::filesystem::remove(path, ignored);
  }
  void Keep() { paths_.clear(); }

 private:
  std::vector<std::filesystem::path> paths_;
};

// Too long an update is not sent: it would not be counted.
Result<std::optional<double>> NormOf(const std::string& lanes, const UpdateFiles& files,
                                     const round::RunManifest& manifest) {
  DURE_ASSIGN(const auto mapped, codec::MappedFile::Open(lanes));
  const double norm = codec::UpdateNorm(files.parameters.lane, files.count(), mapped.bytes(),
                                        files.scales, files.weight);
  if (norm <= manifest.norm_max) return norm;
  return Fail(ErrorCode::kFailedPrecondition, "the update is " + std::to_string(norm) +
                                                  " long, and the run counts none above " +
                                                  std::to_string(manifest.norm_max));
}

}  // namespace

Result<ContributionMade> EncodeContribution(const round::EncodeUpdate& work,
                                            const round::RunManifest& manifest, const SiteId& site,
                                            const RunFolder& folder, blob::BlobStore& store,
                                            const codec::Work& pace) {
  DURE_ASSIGN(const auto files, UpdateFiles::Open(work, manifest, site, folder, store, pace));
  DURE_ASSIGN(const uint64_t lane_bytes,
              codec::ContributionBytes(files.parameters.lane, files.count()));
  const std::filesystem::path lanes_path = folder.lanes(work.round);
  HalfMade half({lanes_path, folder.residual(work.residual_to)});
  DURE_ASSIGN(const auto lanes,
              derivation::NewFile(store, lanes_path.string(), lane_bytes, codec::Caching::kKept));
  DURE_ASSIGN(const auto next,
              derivation::NewFile(store, folder.residual(work.residual_to).string(),
                                  files.count() * sizeof(float), codec::Caching::kKept));
  DURE_ASSIGN(auto encoded, codec::EncodeUpdate(files.in(), files.parameters, lanes, next, pace));
  DURE_TRY(next.Sync());
  DURE_ASSIGN(const auto blob, blob::Manifest::Make(lane_bytes, std::move(encoded.lane_chunks)));
  ContributionMade made;
  made.weight = files.weight;
  made.saturated = encoded.stats.saturated;
  made.lanes = files.count();
  if (manifest.norm_max > 0) {
    DURE_ASSIGN(made.norm, NormOf(lanes_path.string(), files, manifest));
  }
  DURE_ASSIGN(made.blob, store.Import(lanes_path.string(), blob));
  // Last: the disk's journal has most likely taken the name along with the lanes'.
  DURE_TRY(codec::SyncFolderOf(folder.residual(work.residual_to).string()));
  half.Keep();
  return made;
}

void KeepFilesReady(const Digest& base_model, const round::RunManifest& manifest,
                    uint64_t payload_bytes, const RunFolder& folder, blob::BlobStore& store) {
  const auto base = OpenBase(base_model, store);
  if (!base) return;
  const uint64_t count = base->shape.parameter_count;
  const codec::Lane lane = derivation::LaneOf(manifest);
  auto files = derivation::FilesOfDerivation(base->file.bytes().size(), manifest);
  // Under masking the lanes stay here, as values.
  files.push_back(
      {payload_bytes == 0 ? codec::PackedBytes(lane, count) : count * codec::LaneBytes(lane)});
  if (!manifest.privacy.noisy()) files.push_back({count * sizeof(float)});
  if (payload_bytes != 0) {
    files.push_back({payload_bytes});
    files.push_back({payload_bytes - 8 * masking::kScalars});  // the sum, if all survive
  }
  derivation::KeepReady(store, (folder.dir() / "ready-").string(), files);
}

namespace {

// The site's own check of what the manifest promises, with the cohort that there is.
Result<noise::LaneNoise> LaneNoiseOf(const round::RunManifest& manifest, const Digest& base_model,
                                     const masking::WordLayout& layout) {
  const round::Privacy& terms = manifest.privacy;
  DURE_ASSIGN(const auto safeguards, safeguard::SafeguardsOf(manifest));
  const safeguard::UpdateNoise& update = *safeguards.update;
  if (terms.dimension != layout.parameter_count()) {
    return Fail(ErrorCode::kInvalid, "noise was planned for a model of another size");
  }
  const uint32_t honest =
      safeguard::HonestShares(layout.site_count(), manifest.masking_rules.members_min);
  if (honest < update.counted) {
    return Fail(ErrorCode::kFailedPrecondition,
                "of a cohort of " + std::to_string(layout.site_count()) + " only " +
                    std::to_string(honest) + " shares of noise are sure, and " +
                    std::to_string(update.counted) + " are counted");
  }
  noise::LaneNoise lanes;
  lanes.sampler = terms.noise == round::Noise::kSkellam ? noise::Sampler::kSkellam
                                                        : noise::Sampler::kDiscreteGaussian;
  lanes.share_variance = update.plan.share_variance;
  lanes.clip = terms.clip;
  lanes.coordinate_clip = terms.coordinate_clip;
  lanes.scale = update.scale;
  lanes.norm_max = update.plan.norm_max;
  if (terms.rotate) lanes.rotation = noise::RotationSeed(manifest.run.str(), base_model);
  lanes.lane = derivation::LaneOf(manifest);
  return lanes;
}

// A test's liar changes what was masked, and stands by it: then it is digested again.
Result<blob::Manifest> ManifestOf(const std::filesystem::path& payload, uint64_t bytes,
                                  std::vector<Digest> chunks) {
  Bytes changed;
  PassWire("site.payload", payload.string(), changed);
  if (!changed.empty()) return blob::ManifestOfFile(payload);
  return blob::Manifest::Make(bytes, std::move(chunks));
}

// A test's liar stands by another weight than it masked, too.
masking::Scalars Stated(const masking::Scalars& scalars) {
  Bytes bytes(sizeof scalars);
  std::memcpy(bytes.data(), scalars.data(), bytes.size());
  PassWire("site.scalars", {}, bytes);
  masking::Scalars stated = scalars;
  if (bytes.size() == sizeof stated) std::memcpy(stated.data(), bytes.data(), bytes.size());
  return stated;
}

// Lanes with noise in them, then masks: what leaves is made only of the former.
Result<masking::MaskedSegment> MaskNoised(const UpdateFiles& files, const noise::LaneNoise& noise,
                                          const MaskWith& with, const codec::OutputFile& lanes,
                                          const std::string& lanes_path,
                                          const codec::OutputFile& payload,
                                          const codec::Work& pace) {
  DURE_TRY(noise::WriteNoisedLanes(files.base.floats(), files.trained.floats(), noise,
                                   with.noise_key, lanes, pace));
  DURE_ASSIGN(const auto noised, codec::MappedFile::Open(lanes_path));
  const masking::Scalars scalars{codec::kWeightOne, 0, 0, 0};
  return masking::MaskLanesFile(noised.bytes(), scalars, with.layout, with.masks, payload, pace);
}

Result<masking::MaskedSegment> MaskPlain(const UpdateFiles& files, const round::EncodeUpdate& work,
                                         const MaskWith& with, const codec::OutputFile& lanes,
                                         const codec::OutputFile& residual,
                                         const codec::OutputFile& payload,
                                         const codec::Work& pace) {
  const masking::SegmentUpdate update{
      files.in(), 0, files.parameters, {files.weight, work.tokens, work.steps, 0}};
  DURE_ASSIGN(auto masked, masking::MaskSegmentFiles(update, with.layout, with.masks, payload,
                                                     {lanes}, {residual}, pace));
  DURE_TRY(residual.Sync());
  return masked;
}

}  // namespace

Result<MaskedContribution> EncodeMasked(const round::EncodeUpdate& work,
                                        const round::RunManifest& manifest, const SiteId& site,
                                        const MaskWith& with, const RunFolder& folder,
                                        blob::BlobStore& store, const codec::Work& pace) {
  DURE_ASSIGN(const auto files, UpdateFiles::Open(work, manifest, site, folder, store, pace));
  if (files.count() != with.layout.parameter_count()) {
    return Fail(ErrorCode::kInvalid, "the update has another size than what is masked");
  }
  const std::filesystem::path payload_path = folder.payload(work.round);
  const uint64_t bytes = with.layout.PayloadBytes();
  HalfMade half({payload_path, folder.lanes(work.round), folder.residual(work.residual_to)});
  DURE_ASSIGN(const auto payload,
              derivation::NewFile(store, payload_path.string(), bytes, codec::Caching::kKept));
  const std::string lanes_path = folder.lanes(work.round).string();
  DURE_ASSIGN(const auto lanes,
              derivation::NewFile(store, lanes_path, with.layout.LowBytes(files.count()),
                                  codec::Caching::kKept));
  masking::MaskedSegment masked;
  if (manifest.privacy.noisy()) {
    DURE_ASSIGN(const auto noise, LaneNoiseOf(manifest, work.plan.base.model, with.layout));
    DURE_ASSIGN(masked, MaskNoised(files, noise, with, lanes, lanes_path, payload, pace));
  } else {
    DURE_ASSIGN(const auto next,
                derivation::NewFile(store, folder.residual(work.residual_to).string(),
                                    files.count() * sizeof(float), codec::Caching::kKept));
    DURE_ASSIGN(masked, MaskPlain(files, work, with, lanes, next, payload, pace));
    DURE_TRY(codec::SyncFolderOf(folder.residual(work.residual_to).string()));
  }
  DURE_ASSIGN(const auto blob, ManifestOf(payload_path, bytes, std::move(masked.payload_chunks)));
  MaskedContribution contribution;
  contribution.made.weight = files.weight;
  contribution.made.saturated = masked.stats.saturated;
  contribution.made.lanes = files.count();
  contribution.scalars = Stated(masked.scalars);
  contribution.bytes = bytes;
  {
    DURE_ASSIGN(const auto leaving, codec::MappedFile::Open(payload_path.string()));
    DURE_ASSIGN(const auto staying, codec::MappedFile::Open(lanes_path));
    contribution.leaves = LookAt(leaving.bytes());
    contribution.stays = LookAt(staying.bytes());
  }
  DURE_ASSIGN(contribution.made.blob, store.Import(payload_path.string(), blob));
  half.Keep();
  return contribution;
}

namespace {

Result<codec::MappedFile> OwnLanes(const std::filesystem::path& path,
                                   const masking::WordLayout& sums) {
  auto lanes = codec::MappedFile::Open(path.string());
  if (!lanes && lanes.error().code != ErrorCode::kNotFound) return Fail(lanes.error());
  const bool whole = lanes && lanes->bytes().size() == sums.LowBytes(sums.parameter_count());
  if (whole) return lanes;
  return Fail(ErrorCode::kFailedPrecondition,
              "what this site sent is not kept here any more, and nothing else shows whether it is "
              "in the sum");
}

}  // namespace

Result<masking::CheckProducts> CheckSum(const CheckWith& with, const RunFolder& folder,
                                        RoundNumber round, const blob::BlobStore& store,
                                        const codec::Work& pace) {
  std::optional<codec::MappedFile> lanes;
  if (with.is_survivor) {
    DURE_ASSIGN(lanes, OwnLanes(folder.lanes(round), with.sums));
  }
  DURE_ASSIGN(const auto planes, store.Open(with.planes));
  masking::CheckSides sides;
  sides.planes = planes->bytes();
  sides.result = with.published;
  sides.weighing = with.weighing;
  if (lanes) {
    sides.lanes = lanes->bytes();
    sides.own = with.own;
  }
  return masking::CheckSegmentFiles(with.sums, sides, with.coefficients, pace);
}

bool IsResidualLost(uint64_t version, const Digest& base_model, const RunFolder& folder,
                    const blob::BlobStore& store) {
  const auto base = OpenBase(base_model, store);
  if (version == 0 || !base) return false;
  const auto residual = codec::MappedFile::Open(folder.residual(version).string());
  if (!residual) return residual.error().code == ErrorCode::kNotFound;
  return residual->Floats().size() != base->shape.parameter_count;
}

round::EncodeFault FaultOf(const Error& error, const round::EncodeUpdate& work,
                           const round::RunManifest& manifest, const RunFolder& folder,
                           const blob::BlobStore& store) {
  const bool may_pass =
      error.code == ErrorCode::kExhausted || error.code == ErrorCode::kUnavailable;
  if (may_pass) return round::EncodeFault::kRoom;
  const bool carries = !manifest.privacy.noisy();
  const bool lost =
      carries && IsResidualLost(work.residual_from, work.plan.base.model, folder, store);
  return lost ? round::EncodeFault::kResidual : round::EncodeFault::kUpdate;
}

Status FoldUpdate(const round::FoldBack& work, const RunFolder& folder, blob::BlobStore& store) {
  DURE_ASSIGN(const auto base, OpenBase(work.base.model, store));
  DURE_ASSIGN(const auto trained, FlatFile::Open(folder.trained(work.round).string()));
  const std::span<const float> from = base.floats();
  const std::span<const float> to = trained.floats();
  if (from.size() != to.size())
    return Fail(ErrorCode::kInvalid, "result and base model differ in size");
  std::optional<codec::MappedFile> former;
  if (work.residual_from != 0) {
    DURE_ASSIGN(former, codec::MappedFile::Open(folder.residual(work.residual_from).string()));
    if (former->Floats().size() != from.size())
      return Fail(ErrorCode::kCorrupt, "the residual and the base model differ in size");
  }
  DURE_ASSIGN(const auto out,
              derivation::NewFile(store, folder.residual(work.residual_to).string(),
                                  from.size() * sizeof(float), codec::Caching::kKept));
  std::vector<float> piece;
  for (size_t first = 0; first < from.size(); first += kFoldParameters) {
    piece.resize(std::min(kFoldParameters, from.size() - first));
    for (size_t i = 0; i < piece.size(); ++i) {
      const float carried = former ? former->Floats()[first + i] : 0.0F;
      piece[i] = carried + (from[first + i] - to[first + i]);
    }
    const ByteView bytes{reinterpret_cast<const uint8_t*>(piece.data()),
                         piece.size() * sizeof(float)};
    DURE_TRY(out.WriteAt(first * sizeof(float), bytes));
  }
  DURE_TRY(out.Sync());
  return codec::SyncFolderOf(folder.residual(work.residual_to).string());
}

}  // namespace dure::site
