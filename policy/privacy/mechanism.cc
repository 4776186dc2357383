#include "policy/privacy/mechanism.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "federation/limits.h"

namespace dure::privacy {
namespace {

constexpr uint8_t kSampledGaussianTag = 1;
constexpr uint8_t kIntegerNoiseTag = 2;

// Written so that NaN fails.
Status InRange(double value, double low, double high, const char* name) {
  if (value >= low && value <= high) return {};
  char text[160];
  std::snprintf(text, sizeof text, "%s is %g; it must be from %g to %g", name, value, low, high);
  return Fail(ErrorCode::kInvalid, text);
}

Status CheckOne(const SampledGaussian& gaussian) {
  DURE_TRY(InRange(gaussian.noise_multiplier, kNoiseMin, kNoiseMax, "the noise multiplier"));
  return InRange(gaussian.sampling, kSamplingMin, 1, "the sampling probability");
}

Status CheckOne(const IntegerNoise& noise) {
  if (noise.kind != NoiseKind::kDiscreteGaussian && noise.kind != NoiseKind::kSkellam) {
    return Fail(ErrorCode::kInvalid, "the noise is of no known kind");
  }
  if (noise.shares < 1 || noise.shares > limits::kSitesMax) {
    return Fail(ErrorCode::kInvalid, "the number of noise shares is not one of a cohort");
  }
  if (noise.dimension < 1 || noise.dimension > limits::kParameterCountMax) {
    return Fail(ErrorCode::kInvalid, "the dimension is not one of a model");
  }
  DURE_TRY(InRange(noise.share_stddev, kShareStddevMin, kShareStddevMax,
                   "the standard deviation of a noise share"));
  DURE_TRY(InRange(noise.clip, 1, kClipMax, "the clip norm in grid units"));
  if (!(noise.rounding_beta >= 0 && noise.rounding_beta < 1)) {
    return Fail(ErrorCode::kInvalid, "the rounding's beta is not in [0, 1)");
  }
  if (!(noise.distance >= 0 && noise.distance <= 1e-9)) {
    return Fail(ErrorCode::kInvalid, "the noise's distance is not in [0, 1e-9]");
  }
  return {};
}

void WriteOne(CanonicalWriter& writer, const SampledGaussian& gaussian) {
  writer.U8(kSampledGaussianTag).F64(gaussian.noise_multiplier).F64(gaussian.sampling);
}

void WriteOne(CanonicalWriter& writer, const IntegerNoise& noise) {
  writer.U8(kIntegerNoiseTag).U8(static_cast<uint8_t>(noise.kind)).U32(noise.shares);
  writer.F64(noise.share_stddev).F64(noise.clip).U64(noise.dimension).F64(noise.rounding_beta);
  writer.F64(noise.distance);
}

}  // namespace

Status Check(const Mechanism& mechanism) {
  return std::visit([](const auto& one) { return CheckOne(one); }, mechanism);
}

Status Check(const Charge& charge) {
  DURE_TRY(Check(charge.mechanism));
  if (charge.steps < 1 || charge.steps > kStepsMax) {
    return Fail(ErrorCode::kInvalid, "a charge has from 1 to " + std::to_string(kStepsMax) +
                                         " steps, not " + std::to_string(charge.steps));
  }
  return {};
}

std::string Describe(const Mechanism& mechanism) {
  char text[240];
  if (const auto* gaussian = std::get_if<SampledGaussian>(&mechanism)) {
    if (gaussian->sampling == 1) {
      std::snprintf(text, sizeof text, "Gaussian noise %g on the whole dataset",
                    gaussian->noise_multiplier);
    } else {
      std::snprintf(text, sizeof text, "Gaussian noise %g on samples of %g %%",
                    gaussian->noise_multiplier, 100 * gaussian->sampling);
    }
    return text;
  }
  const auto& noise = std::get<IntegerNoise>(mechanism);
  std::snprintf(text, sizeof text, "%s noise in %u shares of %g on a clip of %g, %llu coordinates",
                noise.kind == NoiseKind::kSkellam ? "Skellam" : "discrete Gaussian", noise.shares,
                noise.share_stddev, noise.clip, static_cast<unsigned long long>(noise.dimension));
  return text;
}

double RoundedNormMax(double clip, uint64_t dimension, double beta) {
  const auto d = static_cast<double>(dimension);
  const double always = clip + std::sqrt(d);
  if (!(beta > 0)) return always;
  const double likely =
      clip * clip + d / 4 + std::sqrt(2 * std::log(1 / beta)) * (clip + std::sqrt(d) / 2);
  return std::min(always, std::sqrt(likely));
}

void Write(CanonicalWriter& writer, const Mechanism& mechanism) {
  std::visit([&writer](const auto& one) { WriteOne(writer, one); }, mechanism);
}

Result<Mechanism> ReadMechanism(CanonicalReader& reader) {
  Mechanism mechanism;
  const uint8_t tag = reader.U8();
  if (tag == kSampledGaussianTag) {
    SampledGaussian gaussian;
    gaussian.noise_multiplier = reader.F64();
    gaussian.sampling = reader.F64();
    mechanism = gaussian;
  } else if (tag == kIntegerNoiseTag) {
    IntegerNoise noise;
    noise.kind = static_cast<NoiseKind>(reader.U8());
    noise.shares = reader.U32();
    noise.share_stddev = reader.F64();
    noise.clip = reader.F64();
    noise.dimension = reader.U64();
    noise.rounding_beta = reader.F64();
    noise.distance = reader.F64();
    // Minus zero would be a second spelling of one value.
    if (std::signbit(noise.rounding_beta) || std::signbit(noise.distance)) {
      return Fail(ErrorCode::kInvalid, "a zero of the noise has a sign");
    }
    mechanism = noise;
  } else {
    return Fail(ErrorCode::kInvalid, "a mechanism of no known kind");
  }
  DURE_TRY(Check(mechanism));
  return mechanism;
}

}  // namespace dure::privacy
