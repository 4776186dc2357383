#include "federation/derivation/derivation.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <optional>

#include "federation/limits.h"
#include "federation/noise/lanes.h"
#include "federation/noise/vectors.h"

namespace dure::derivation {
namespace {

// Below, a group's memory costs more than its hashing saves: it is a good part of the model.
constexpr uint64_t kGroupedBytesMin = uint64_t{64} << 20;

// A file under way: removed unless the store took it.
class Scratch {
 public:
  static Result<Scratch> Create(blob::BlobStore& store, std::string path, uint64_t bytes,
                                codec::Caching caching) {
    DURE_ASSIGN(auto file, NewFile(store, path, bytes, caching));
    return Scratch(std::move(path), std::move(file));
  }
  Scratch(Scratch&& other) noexcept : path_(std::move(other.path_)), file_(std::move(other.file_)) {
    other.path_.clear();
  }
  Scratch& operator=(Scratch&&) = delete;
  ~Scratch() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove(path_, ignored);
  }
  const codec::OutputFile& file() const { return file_; }

  Result<blob::Incoming> With(std::vector<Digest> chunks) const {
    DURE_ASSIGN(auto manifest, blob::Manifest::Make(file_.size(), std::move(chunks)));
    return blob::Incoming{path_, std::move(manifest)};
  }

 private:
  Scratch(std::string path, codec::OutputFile file)
      : path_(std::move(path)), file_(std::move(file)) {}
  std::string path_;
  codec::OutputFile file_;
};

// The aggregate's bytes: in the store, or in a file that is to come into it.
class AggregateBytes {
 public:
  static Result<AggregateBytes> Open(const Step& step, const blob::BlobStore& store) {
    AggregateBytes aggregate;
    if (step.incoming) {
      DURE_ASSIGN(aggregate.file_, codec::MappedFile::Open(step.incoming->path));
    } else {
      DURE_ASSIGN(aggregate.blob_, store.Open(step.aggregate));
    }
    return aggregate;
  }
  ByteView bytes() const { return file_ ? file_->bytes() : blob_->bytes(); }

 private:
  std::optional<codec::MappedFile> file_;
  std::unique_ptr<blob::Reader> blob_;
};

std::span<const float> FloatsAt(ByteView file, uint64_t offset) {
  const ByteView data = file.subspan(offset);
  return {reinterpret_cast<const float*>(data.data()), data.size() / sizeof(float)};
}

}  // namespace

Result<ModelShape> ShapeOf(ByteView file) {
  const auto wrong = [](const char* why) {
    return Fail(ErrorCode::kInvalid, std::string("not a model file: ") + why);
  };
  if (file.size() < 8) return wrong("shorter than 8 bytes");
  uint64_t header = 0;
  for (int i = 7; i >= 0; --i) header = header << 8 | file[static_cast<size_t>(i)];
  if (header > file.size() - 8) return wrong("its header is longer than the file");
  const ModelShape shape{8 + header, (file.size() - 8 - header) / sizeof(float)};
  if (shape.data_offset % 4096 != 0) return wrong("its data does not begin at a multiple of 4096");
  if ((file.size() - shape.data_offset) % sizeof(float) != 0)
    return wrong("its data is not whole fp32 values");
  if (shape.parameter_count == 0) return wrong("it has no parameters");
  return shape;
}

codec::Lane LaneOf(const round::RunManifest& manifest) {
  return static_cast<codec::Lane>(manifest.lane);  // one numbering; Validate admits no other
}

Result<std::vector<float>> ScalesOf(const round::Base& base, const round::RunManifest& manifest,
                                    uint64_t parameter_count, const blob::BlobStore& store) {
  if (base.scales.IsZero()) return codec::UniformScales(parameter_count, manifest.initial_scale);
  DURE_ASSIGN(const auto blob, store.Open(base.scales));
  return codec::ParseScales(blob->bytes(), parameter_count);
}

Result<codec::OutputFile> NewFile(blob::BlobStore& store, const std::string& path, uint64_t bytes,
                                  codec::Caching caching) {
  std::error_code ignored;
  std::filesystem::remove(path, ignored);  // of a process that died here
  if (store.Recycle(bytes, path)) return codec::OutputFile::Reuse(path, bytes, caching);
  return codec::OutputFile::Create(path, bytes, caching);
}

namespace {

Status FillWithZeros(const codec::OutputFile& file) {
  struct alignas(codec::kDirectBytes) Chunk {
    std::array<uint8_t, limits::kChunkBytes> bytes{};
  };
  const auto zeros = std::make_unique<Chunk>();
  for (uint64_t at = 0; at < file.size(); at += zeros->bytes.size()) {
    const auto count = std::min<uint64_t>(zeros->bytes.size(), file.size() - at);
    DURE_TRY(file.WriteAt(at, ByteView(zeros->bytes).first(count)));
  }
  return {};
}

}  // namespace

void KeepReady(blob::BlobStore& store, const std::string& prefix,
               const std::vector<ReadyFile>& files) {
  std::vector<std::string> ready;
  uint64_t total = 0;
  for (const auto& [bytes, caching] : files) {
    total += bytes;
    if (bytes < kLargeBytes || bytes > limits::kSpareBytesMax) continue;
    if (total > limits::kSparesBytesMax) break;
    const std::string path = prefix + std::to_string(ready.size());
    std::error_code ignored;
    std::filesystem::remove(path, ignored);  // of a process that died here
    if (!store.Recycle(bytes, path)) {
      const auto file = codec::OutputFile::Create(path, bytes, caching);
      if (!file || !FillWithZeros(*file)) std::filesystem::remove(path, ignored);
    }
    ready.push_back(path);
  }
  // The latest spare is the first to be taken.
  for (size_t i = ready.size(); i-- > 0;) store.Scrap(ready[i]);
}

std::vector<ReadyFile> FilesOfDerivation(uint64_t model_bytes, const round::RunManifest& manifest) {
  std::vector<ReadyFile> files;
  if (manifest.outer_mu != 0) files.push_back({model_bytes, codec::Caching::kKept});
  files.push_back({model_bytes, codec::Caching::kAround});
  return files;
}

Result<round::Base> DeriveNext(const Step& step, const round::RunManifest& manifest,
                               blob::BlobStore& store, const std::string& scratch,
                               const codec::Work& work) {
  DURE_ASSIGN(const auto model, store.Open(step.base.model));
  DURE_ASSIGN(const auto aggregate, AggregateBytes::Open(step, store));
  DURE_ASSIGN(const ModelShape shape, ShapeOf(model->bytes()));
  DURE_ASSIGN(const auto scales, ScalesOf(step.base, manifest, shape.parameter_count, store));
  DURE_ASSIGN(const auto layout, codec::AggregateLayout::Make(LaneOf(manifest), step.site_count,
                                                              shape.parameter_count));

  codec::ModelInput in;
  in.base_file = model->bytes();
  std::optional<codec::InputFile> model_file;
  if (const auto path = store.PathOf(step.base.model)) {
    DURE_ASSIGN(model_file, codec::InputFile::Open(*path));
    in.base_input = &*model_file;
  }
  in.data_offset = shape.data_offset;
  in.aggregate = aggregate.bytes();
  in.scales = scales;
  in.weight_sum = step.weight_sum;
  in.outer = {manifest.outer_eta, manifest.outer_mu};
  in.keeps_scales = manifest.privacy.noisy();  // noise is counted on one grid
  if (manifest.privacy.rotate) {
    in.turn_back = [seed = noise::RotationSeed(manifest.run.str(), step.base.model)](
                       uint64_t block, std::span<float> mean) {
      noise::Unrotate(seed, block, mean);
    };
  }
  std::unique_ptr<blob::Reader> momentum;
  if (!step.base.momentum.IsZero()) {
    DURE_ASSIGN(momentum, store.Open(step.base.momentum));
    if (momentum->size() != model->size())
      return Fail(ErrorCode::kCorrupt, "momentum and model differ in size");
    in.momentum = FloatsAt(momentum->bytes(), shape.data_offset);
  }
  const std::string prefix = scratch + "/" + step.aggregate.Hex().substr(0, 16);
  // The momentum is read again by the next derivation; the model, for all we know, by a trainer in
  // hours.
  std::optional<Scratch> next_momentum;
  if (in.outer.keeps_momentum()) {
    DURE_ASSIGN(auto file,
                Scratch::Create(store, prefix + ".momentum", model->size(), codec::Caching::kKept));
    next_momentum.emplace(std::move(file));
  }
  const bool large = model->size() >= kLargeBytes;
  codec::Work pace = work;
  in.in_groups = model->size() >= kGroupedBytesMin;
  if (large) pace.threads = codec::ThreadsAroundMemory(work.threads, in.in_groups);
  DURE_ASSIGN(auto next_model,
              Scratch::Create(store, prefix + ".model", model->size(),
                              large ? codec::Caching::kAround : codec::Caching::kKept));
  DURE_ASSIGN(auto derived,
              codec::DeriveModel(layout, in, next_model.file(),
                                 next_momentum ? &next_momentum->file() : nullptr, pace));
  const Bytes scales_bytes = codec::SerializeScales(derived.next_scales);
  DURE_ASSIGN(auto next_scales, Scratch::Create(store, prefix + ".scales", scales_bytes.size(),
                                                codec::Caching::kKept));
  DURE_TRY(next_scales.file().WriteAt(0, scales_bytes));
  std::vector<blob::Incoming> files;
  DURE_ASSIGN(files.emplace_back(), next_model.With(std::move(derived.model_chunks)));
  DURE_ASSIGN(files.emplace_back(), next_scales.With(codec::ChunkDigests(scales_bytes)));
  if (next_momentum) {
    DURE_ASSIGN(files.emplace_back(), next_momentum->With(std::move(derived.momentum_chunks)));
  }
  if (step.incoming) files.push_back(*step.incoming);
  DURE_ASSIGN(const std::vector<Digest> names, store.ImportAll(files));
  return round::Base{names[0], next_momentum ? names[2] : Digest{}, names[1]};
}

}  // namespace dure::derivation
