#include "federation/noise/lanes.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <variant>

#include "federation/canonical.h"
#include "federation/codec/pieces.h"
#include "federation/noise/discrete_gaussian.h"
#include "federation/noise/skellam.h"
#include "federation/noise/vectors.h"

namespace dure::noise {
namespace {

constexpr uint64_t kPieceParameters = 64 * kRotationBlock;
// Each try keeps its bounds with more than a third, in practice always.
constexpr uint32_t kTriesMax = 200;

static_assert(kRotationBlock == codec::kBlockParameters, "pieces begin at blocks of both");

using AnySampler = std::variant<DiscreteGaussian, Skellam>;

Result<AnySampler> MakeSampler(const LaneNoise& noise) {
  if (noise.sampler == Sampler::kSkellam) {
    DURE_ASSIGN(Skellam skellam, Skellam::Make(noise.share_variance));
    return AnySampler(std::move(skellam));
  }
  DURE_ASSIGN(DiscreteGaussian gaussian, DiscreteGaussian::Make(noise.share_variance));
  return AnySampler(gaussian);
}

// Pieces are drawn apart, so each has a key of its own.
SecretRandom::Key KeyOf(const SecretRandom::Key& key, uint32_t attempt, uint64_t piece) {
  CanonicalWriter writer;
  writer.Text("dure noise piece 1").Raw32(Digest{key}).U32(attempt).U64(piece);
  return Sha256(writer.bytes()).bytes;
}

class Writer {
 public:
  Writer(std::span<const float> base, std::span<const float> trained, const LaneNoise& noise,
         const AnySampler& sampler, const codec::OutputFile& lanes)
      : base_(base), trained_(trained), noise_(noise), sampler_(sampler), lanes_(lanes) {
    squares_.resize(pieces());
    rounded_.resize(pieces());
    bounded_.resize(pieces());
  }

  uint64_t pieces() const { return (base_.size() + kPieceParameters - 1) / kPieceParameters; }

  Result<uint64_t> Measure(uint64_t piece) {
    const std::vector<float> update = UpdateOf(piece);
    squares_[piece] = SquaredNorm(update);
    return update.size();
  }

  double SquaredNormOfAll() const {
    double sum = 0;
    for (const double part : squares_) sum += part;
    return sum;
  }

  Result<uint64_t> Write(uint64_t piece, float factor, const SecretRandom::Key& key) {
    std::vector<float> update = UpdateOf(piece);
    const auto bound = static_cast<float>(noise_.coordinate_clip);
    bounded_[piece] = ClipCoordinates(factor, bound, update);
    SecretRandom random(key);
    BitSource bits(random);
    std::vector<int32_t> values(update.size());
    DURE_ASSIGN(rounded_[piece], RoundToGrid(update, noise_.scale, bits, values));
    std::visit([&](const auto& sampler) { sampler.AddTo(values, bits); }, sampler_);
    DURE_TRY(WriteLanes(piece, values));
    return update.size();
  }

  // Whether what was written last keeps what the account counts on.
  bool Holds() const {
    Uint128 sum = 0;
    for (const Uint128 part : rounded_) sum += part;
    return !left_ && KeepsNorm(sum, noise_.norm_max);
  }
  void Again() { left_ = false; }
  uint64_t bounded() const {
    uint64_t sum = 0;
    for (const uint64_t part : bounded_) sum += part;
    return sum;
  }

 private:
  std::vector<float> UpdateOf(uint64_t piece) const {
    const uint64_t begin = piece * kPieceParameters;
    std::vector<float> update(std::min<uint64_t>(kPieceParameters, base_.size() - begin));
    for (size_t i = 0; i < update.size(); ++i) update[i] = base_[begin + i] - trained_[begin + i];
    if (noise_.rotation) Rotate(*noise_.rotation, begin / kRotationBlock, update);
    return update;
  }

  template <typename Lane>
  Status WriteAs(uint64_t piece, const std::vector<int32_t>& values) {
    std::vector<Lane> lanes(values.size());
    for (size_t i = 0; i < values.size(); ++i) lanes[i] = static_cast<Lane>(values[i]);
    const ByteView bytes{reinterpret_cast<const uint8_t*>(lanes.data()),
                         lanes.size() * sizeof(Lane)};
    return lanes_.WriteAt(piece * kPieceParameters * sizeof(Lane), bytes);
  }

  Status WriteLanes(uint64_t piece, const std::vector<int32_t>& values) {
    const int32_t most = codec::LaneMax(noise_.lane);
    const bool fits = std::ranges::all_of(
        values, [most](int32_t value) { return value <= most && value >= -most; });
    if (!fits) left_ = true;
    if (!fits) return {};  // all is drawn anew
    return codec::LaneBytes(noise_.lane) == 1 ? WriteAs<int8_t>(piece, values)
                                              : WriteAs<int16_t>(piece, values);
  }

  std::span<const float> base_;
  std::span<const float> trained_;
  const LaneNoise& noise_;
  const AnySampler& sampler_;
  const codec::OutputFile& lanes_;
  std::vector<double> squares_;
  std::vector<Uint128> rounded_;
  std::vector<uint64_t> bounded_;
  std::atomic<bool> left_ = false;
};

Status CheckInput(std::span<const float> base, std::span<const float> trained,
                  const LaneNoise& noise, const codec::OutputFile& lanes) {
  const auto refuse = [](const char* why) { return Fail(ErrorCode::kInvalid, why); };
  const uint64_t bytes = base.size() * codec::LaneBytes(noise.lane);
  if (trained.size() != base.size()) return refuse("the trained model has another shape");
  if (base.empty() || lanes.size() != bytes) return refuse("the lanes' file has another size");
  // Written so that NaN fails.
  const bool fits = noise.clip > 0 && noise.coordinate_clip > 0 && noise.scale > 0 &&
                    noise.norm_max > 0 && std::isfinite(noise.clip) && std::isfinite(noise.scale);
  if (!fits) return refuse("clip, scale and norm must be above zero");
  return {};
}

}  // namespace

Digest RotationSeed(std::string_view run, const Digest& base_model) {
  CanonicalWriter writer;
  writer.Text("dure rotation seed 1").Text(run).Raw32(base_model);
  return Sha256(writer.bytes());
}

Result<NoisedUpdate> WriteNoisedLanes(std::span<const float> base, std::span<const float> trained,
                                      const LaneNoise& noise, const SecretRandom::Key& key,
                                      const codec::OutputFile& lanes, const codec::Work& work) {
  DURE_TRY(CheckInput(base, trained, noise, lanes));
  DURE_ASSIGN(const AnySampler sampler, MakeSampler(noise));
  Writer writer(base, trained, noise, sampler, lanes);
  DURE_TRY(codec::RunPieces(work, writer.pieces(), base.size(),
                            [&](uint64_t piece) { return writer.Measure(piece); }));
  const double squared = writer.SquaredNormOfAll();
  DURE_ASSIGN(const float factor, ClipFactor(squared, noise.clip));
  for (uint32_t attempt = 0; attempt < kTriesMax; ++attempt) {
    writer.Again();
    DURE_TRY(codec::RunPieces(work, writer.pieces(), base.size(), [&](uint64_t piece) {
      return writer.Write(piece, factor, KeyOf(key, attempt, piece));
    }));
    if (writer.Holds()) return NoisedUpdate{std::sqrt(squared), writer.bounded(), attempt};
  }
  return Fail(ErrorCode::kInternal, "the settings leave rounding and noise no room");
}

}  // namespace dure::noise
