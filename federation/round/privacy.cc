#include "federation/round/privacy.h"

#include <string>

#include "federation/limits.h"
#include "federation/round/choice.h"
#include "federation/round/fields.h"

namespace dure::round {
namespace {

constexpr std::array<std::string_view, 4> kNoises = {"", "none", "discrete-gaussian", "skellam"};

Status UnfitPrivacy(std::string_view field, std::string_view rule) {
  return Fail(ErrorCode::kInvalid,
              "manifest: privacy's " + std::string(field) + " must be " + std::string(rule));
}

// Written so that NaN fails.
Status CheckNoise(const Privacy& p) {
  if (!(p.clip > 0 && p.clip <= 1e12)) return UnfitPrivacy("clip", "above 0 and at most 1e12");
  if (!(p.coordinate_clip > 0 && p.coordinate_clip <= p.clip)) {
    return UnfitPrivacy("coordinate_clip", "above 0 and at most the clip");
  }
  if (!(p.noise_multiplier > 0 && p.noise_multiplier <= 1e6)) {
    return UnfitPrivacy("noise_multiplier", "above 0 and at most 1e6");
  }
  if (p.dimension == 0 || p.dimension > limits::kParameterCountMax) {
    return UnfitPrivacy("dimension", "that of a model");
  }
  return {};
}

Status CheckRecords(const Privacy& p) {
  if (!(p.record_clip > 0 && p.record_clip <= 1e6)) {
    return UnfitPrivacy("record_clip", "above 0 and at most 1e6, or 0 for no DP-SGD");
  }
  if (!(p.record_noise >= 0.05 && p.record_noise <= 1e6)) {
    return UnfitPrivacy("record_noise", "0.05..1e6");
  }
  if (!(p.record_rate >= 1e-12 && p.record_rate <= 1)) {
    return UnfitPrivacy("record_rate", "above 0 and at most 1");
  }
  return {};
}

}  // namespace

std::string_view Name(Noise noise) { return kNoises[static_cast<size_t>(noise)]; }

Result<Noise> ParseNoise(std::string_view text) {
  return ParseChoice<Noise>(kNoises, "noise", text);
}

Digest Privacy::digest() const {
  if (!noisy()) return {};
  Put put;
  put(*this);
  const Bytes fields = put.Take();
  return Sha256(CanonicalWriter().Text("dure privacy 1").Blob(fields).bytes());
}

Status Privacy::Validate() const {
  if (!IsChoice(noise)) return UnfitPrivacy("noise", "none, discrete-gaussian or skellam");
  if (noisy()) {
    DURE_TRY(CheckNoise(*this));
  } else if (clip != 0 || coordinate_clip != 0 || noise_multiplier != 0 || rotate ||
             dimension != 0) {
    return UnfitPrivacy("clip, noise and rotation", "zero without noise on updates");
  }
  if (record_clip != 0) {
    DURE_TRY(CheckRecords(*this));
  } else if (record_noise != 0 || record_rate != 0) {
    return UnfitPrivacy("record_noise and record_rate", "zero without DP-SGD");
  }
  if (any() && !(delta >= 1e-30 && delta <= 1e-3)) return UnfitPrivacy("delta", "1e-30..1e-3");
  if (!any() && delta != 0) return UnfitPrivacy("delta", "zero without noise");
  return {};
}

}  // namespace dure::round
