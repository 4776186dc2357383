#include "policy/privacy/protection.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "federation/check.h"

namespace dure::privacy {
namespace {

// What the samplers of federation/noise draw.
constexpr double kGaussianVarianceMax = 17592186044416.0;  // 2^44
constexpr double kSkellamVarianceMax = 16777216.0;         // 2^24
constexpr double kSkellamDistance = 0x1p-80;
// The chance that any coordinate of a round leaves its word: 1e-9.
constexpr double kWrapOdds = 1e9;
constexpr double kScaleMargin = 1.0005;

std::string Number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

double InflationOf(double clip_on_grid, uint64_t dimension) {
  return RoundedNormMax(clip_on_grid, dimension, kRoundingBeta) / clip_on_grid;
}

// Written so that NaN fails.
Status CheckRanges(const NoiseSettings& s) {
  const auto refuse = [](const char* what) { return Fail(ErrorCode::kInvalid, what); };
  if (s.counted < 1 || s.counted > s.members) {
    return refuse("the members whose noise is counted must be from 1 to all of them");
  }
  if (!(s.clip > 0 && s.scale > 0 && s.noise_multiplier > 0)) {
    return refuse("the clip norm, the scale and the noise must be above zero");
  }
  if (!(s.coordinate_clip > 0 && s.coordinate_clip <= s.clip)) {
    return refuse("a coordinate's bound must be above zero and at most the clip norm");
  }
  if (s.word_bits < 8 || s.word_bits > 32) return refuse("a word has from 8 to 32 bits");
  if (s.lane_max < 0) return refuse("a lane reaches upwards");
  return {};
}

Status CheckInflation(const NoiseSettings& s, double inflation) {
  if (inflation <= kInflationMax) return {};
  return Fail(ErrorCode::kInvalid,
              "rounding to " + Number(s.scale) + " grid units would make an update of clip norm " +
                  Number(s.clip) + " up to " + Number(inflation) +
                  " times as long, and the noise would have to hide that, too; at most " +
                  Number(kInflationMax) + " is let through: a scale of " +
                  Number(kScaleMargin * ScaleNeeded(s.clip, s.dimension)) +
                  " or more works, or at most " + std::to_string(DimensionMax(s.clip * s.scale)) +
                  " coordinates at this scale");
}

// The counted shares alone must make the noise that was asked for.
Result<uint64_t> ShareVariance(const NoiseSettings& s) {
  const double total = s.noise_multiplier * s.clip * s.scale;
  const double share = total * total / s.counted;
  const bool skellam = s.kind == NoiseKind::kSkellam;
  const double most = skellam ? kSkellamVarianceMax : kGaussianVarianceMax;
  if (!(share <= most)) {
    return Fail(ErrorCode::kInvalid, "each member would add noise of variance " + Number(share) +
                                         "; " + (skellam ? "Skellam" : "discrete Gaussian") +
                                         " noise is drawn up to " + Number(most) +
                                         (skellam ? ": discrete Gaussian noise goes further" : ""));
  }
  const auto whole = static_cast<uint64_t>(std::ceil(share));
  if (skellam) return std::max<uint64_t>(2, whole + whole % 2);
  return std::max<uint64_t>(1, whole);
}

int WordBitsNeeded(const NoiseSettings& s, uint64_t share_variance) {
  const double deviation = std::sqrt(static_cast<double>(share_variance) * s.members);
  const double reach = std::sqrt(2 * std::log(2 * static_cast<double>(s.dimension) * kWrapOdds));
  const double most = s.members * (s.coordinate_clip * s.scale + 1) + reach * deviation;
  return static_cast<int>(std::ceil(std::log2(2 * most + 1)));
}

// Bernstein's inequality, which holds for both noises: beyond this no coordinate of any member's
// share is found, at odds of kLaneOdds.
double LaneNeeded(const NoiseSettings& s, uint64_t share_variance) {
  const double logarithm = std::log(2 * static_cast<double>(s.dimension) / kLaneOdds);
  const double variance = static_cast<double>(share_variance);
  const double third = logarithm / 3;
  const double reach = third + std::sqrt(third * third + 2 * variance * logarithm);
  return s.coordinate_clip * s.scale + 1 + reach;
}

Status CheckLane(const NoiseSettings& s, double needed) {
  if (s.lane_max == 0 || needed <= s.lane_max) return {};
  return Fail(ErrorCode::kInvalid,
              "with its noise a coordinate of one member reaches " + Number(needed) +
                  " grid units, and a lane " + std::to_string(s.lane_max) +
                  "; wider lanes work, or less noise, or fewer parameters, or more members whose "
                  "noise is counted, or a smaller bound on each coordinate");
}

}  // namespace

double ScaleNeeded(double clip, uint64_t dimension) {
  double low = 1e-9;
  double high = 1;
  while (InflationOf(high, dimension) > kInflationMax) high *= 2;
  for (int i = 0; i < 200 && high / low > 1 + 1e-12; ++i) {
    const double middle = std::sqrt(low * high);
    (InflationOf(middle, dimension) > kInflationMax ? low : high) = middle;
  }
  return high / clip;
}

uint64_t DimensionMax(double clip_on_grid) {
  uint64_t low = 0;
  uint64_t high = uint64_t{1} << 60;
  while (high - low > 1) {
    const uint64_t middle = low + (high - low) / 2;
    (InflationOf(clip_on_grid, middle) > kInflationMax ? high : low) = middle;
  }
  return low;
}

Result<NoisePlan> PlanNoise(const NoiseSettings& s) {
  DURE_TRY(CheckRanges(s));
  NoisePlan plan;
  const double clip = s.clip * s.scale;
  plan.mechanism = {s.kind, s.counted, kShareStddevMin, clip, s.dimension, kRoundingBeta};
  DURE_TRY(Check(plan.mechanism));
  plan.norm_max = RoundedNormMax(clip, s.dimension, kRoundingBeta);
  plan.inflation = plan.norm_max / clip;
  DURE_TRY(CheckInflation(s, plan.inflation));
  DURE_ASSIGN(plan.share_variance, ShareVariance(s));
  plan.mechanism.share_stddev = std::sqrt(static_cast<double>(plan.share_variance));
  plan.word_bits_needed = WordBitsNeeded(s, plan.share_variance);
  if (plan.word_bits_needed > s.word_bits) {
    return Fail(ErrorCode::kInvalid,
                "the sum of " + std::to_string(s.members) + " updates with noise needs words of " +
                    std::to_string(plan.word_bits_needed) + " bits, and has " +
                    std::to_string(s.word_bits) +
                    "; wider lanes work, or a smaller bound on each coordinate after rotation, or "
                    "a scale nearer to " +
                    Number(1.0005 * ScaleNeeded(s.clip, s.dimension)));
  }
  plan.lane_needed = LaneNeeded(s, plan.share_variance);
  DURE_TRY(CheckLane(s, plan.lane_needed));
  const double skellam = s.kind == NoiseKind::kSkellam ? 2 * kSkellamDistance : 0;
  plan.mechanism.distance =
      s.members * (skellam * static_cast<double>(s.dimension) + (s.lane_max != 0 ? kLaneOdds : 0));
  DURE_TRY(Check(plan.mechanism));
  return plan;
}

double FittingScale(NoiseSettings settings) {
  double low = kScaleMargin * ScaleNeeded(settings.clip, settings.dimension);
  double high = 2 * low;
  settings.scale = high;
  if (PlanNoise(settings)) return high;
  settings.scale = low;
  if (!PlanNoise(settings)) return low;
  for (int i = 0; i < 40; ++i) {
    settings.scale = (low + high) / 2;
    (PlanNoise(settings) ? low : high) = settings.scale;
  }
  return low;
}

Harm HarmOf(uint32_t members, uint64_t dimension, double noise_multiplier) {
  DURE_CHECK(members >= 1 && dimension >= 1 && noise_multiplier >= 0, "there is a round");
  Harm harm;
  const double root = std::sqrt(static_cast<double>(dimension));
  harm.noise_norm = noise_multiplier * root / members;
  harm.ratio = harm.noise_norm / harm.signal_norm;
  harm.members_needed = std::ceil(noise_multiplier * root);
  harm.verdict = harm.ratio > 1     ? Verdict::kDestroysTheModel
                 : harm.ratio > 0.1 ? Verdict::kSlowsTheModel
                                    : Verdict::kKeepsTheModel;
  const std::string start = "With " + std::to_string(members) + " members and " +
                            std::to_string(dimension) + " parameters, noise of " +
                            Number(noise_multiplier) + " clip norms is " + Number(harm.ratio) +
                            " times as long as the longest mean update that the clip lets through";
  switch (harm.verdict) {
    case Verdict::kDestroysTheModel:
      harm.sentence = start + ": a round would leave noise and no model. It would take " +
                      Number(harm.members_needed) +
                      " members, or far fewer parameters, for the two to be alike. Protecting "
                      "single examples at each site costs much less.";
      break;
    case Verdict::kSlowsTheModel:
      harm.sentence = start + ": the model would learn, slower and to less.";
      break;
    case Verdict::kKeepsTheModel:
      harm.sentence = start + ": the model would hardly notice.";
      break;
  }
  return harm;
}

std::string PromiseOf(Unit unit, double epsilon, double delta) {
  const std::string who = unit == Unit::kExample ? "example" : "member";
  if (!std::isfinite(epsilon) || epsilon > 20) {
    return "An epsilon " + (std::isfinite(epsilon) ? "of " + Number(epsilon) : "without bound") +
           " promises nothing that matters about any " + who + ".";
  }
  std::string text = "Whoever sees everything that was released can raise their odds that one " +
                     who + " was used at most " + Number(std::exp(epsilon)) + " times (epsilon " +
                     Number(epsilon) + "), but for a chance of " + Number(delta) + ". ";
  text += unit == Unit::kExample
              ? "It does not cover somebody who is in many examples, nor what many examples have "
                "in common."
              : "It covers all that a member contributed, and does not cover what all members "
                "have in common.";
  return text;
}

}  // namespace dure::privacy
