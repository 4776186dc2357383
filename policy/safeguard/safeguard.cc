#include "policy/safeguard/safeguard.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "federation/codec/lane.h"
#include "federation/masking/cohort.h"
#include "policy/privacy/accountant.h"

namespace dure::safeguard {
namespace {

std::string Number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

int32_t LaneMaxOf(const round::RunManifest& manifest) {
  return codec::LaneMax(static_cast<codec::Lane>(manifest.lane));
}

privacy::NoiseKind KindOf(round::Noise noise) {
  return noise == round::Noise::kSkellam ? privacy::NoiseKind::kSkellam
                                         : privacy::NoiseKind::kDiscreteGaussian;
}

uint32_t CountedOf(const round::RunManifest& manifest) {
  uint32_t least = std::numeric_limits<uint32_t>::max();
  const uint32_t members_min = manifest.masking_rules.members_min;
  for (uint32_t sites = manifest.cohort_min; sites <= manifest.cohort_max; ++sites) {
    least = std::min(least, HonestShares(sites, members_min));
  }
  return least;
}

privacy::NoiseSettings SettingsOf(const round::RunManifest& manifest) {
  const round::Privacy& p = manifest.privacy;
  privacy::NoiseSettings settings;
  settings.kind = KindOf(p.noise);
  settings.members = manifest.cohort_max;
  settings.counted = CountedOf(manifest);
  settings.dimension = p.dimension;
  settings.noise_multiplier = p.noise_multiplier;
  settings.clip = p.clip;
  settings.coordinate_clip = p.coordinate_clip;
  settings.word_bits = 32;
  settings.lane_max = LaneMaxOf(manifest);
  settings.scale = settings.lane_max / static_cast<double>(manifest.initial_scale);
  return settings;
}

// Of RecordedEpsilon's own form.
std::optional<uint64_t> MicroOf(std::string_view text) {
  const size_t point = text.find('.');
  const bool form =
      point != std::string_view::npos && point >= 1 && point <= 7 && text.size() == point + 7;
  if (!form) return std::nullopt;
  uint64_t micro = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i == point) continue;
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    micro = 10 * micro + static_cast<uint64_t>(text[i] - '0');
  }
  return micro;
}

double EpsilonAlone(const privacy::Charge& charge, double delta) {
  return privacy::EpsilonOf({&charge, 1}, delta).epsilon;
}

Result<UpdateNoise> UpdateNoiseOf(const round::RunManifest& manifest) {
  const privacy::NoiseSettings settings = SettingsOf(manifest);
  UpdateNoise noise;
  DURE_ASSIGN(noise.plan, privacy::PlanNoise(settings));
  noise.counted = settings.counted;
  noise.scale = settings.scale;
  noise.harm = privacy::HarmOf(manifest.cohort_min, settings.dimension, settings.noise_multiplier);
  noise.charge = {noise.plan.mechanism, manifest.rounds};
  DURE_TRY(privacy::Check(noise.charge));
  privacy::IntegerNoise of_record = noise.plan.mechanism;
  of_record.clip = 2 * noise.plan.norm_max;
  noise.charge_of_record = {of_record, manifest.rounds};
  DURE_TRY(privacy::Check(noise.charge_of_record));
  return noise;
}

Result<RecordNoise> RecordNoiseOf(const round::RunManifest& manifest) {
  const round::Privacy& p = manifest.privacy;
  RecordNoise noise;
  if (manifest.rounds > privacy::kStepsMax || manifest.inner.steps > privacy::kStepsMax) {
    return Fail(ErrorCode::kInvalid, "a run with DP-SGD has at most 10000000 steps");
  }
  noise.charge = {privacy::SampledGaussian{p.record_noise, p.record_rate},
                  manifest.rounds * manifest.inner.steps};
  DURE_TRY(privacy::Check(noise.charge));
  return noise;
}

}  // namespace

uint32_t HonestShares(uint32_t site_count, uint32_t members_min) {
  const uint32_t threshold = masking::ThresholdFor(site_count);
  const uint32_t fewest = std::min(site_count, std::max(threshold, members_min));
  const uint32_t colluding = masking::CorruptMax(site_count, threshold);
  return std::max(1U, fewest - std::min(fewest, colluding));
}

Result<Safeguards> SafeguardsOf(const round::RunManifest& manifest) {
  Safeguards safeguards;
  safeguards.delta = manifest.privacy.delta;
  if (manifest.privacy.noisy()) {
    DURE_ASSIGN(safeguards.update, UpdateNoiseOf(manifest));
  }
  if (manifest.privacy.per_record()) {
    DURE_ASSIGN(safeguards.record, RecordNoiseOf(manifest));
  }
  return safeguards;
}

float FittingScale(const round::RunManifest& manifest) {
  // A float is off by less than what is given here to the lane's side; the other side has a margin.
  constexpr double kFloatMargin = 1 - 1e-6;
  const double grid = kFloatMargin * privacy::FittingScale(SettingsOf(manifest));
  return static_cast<float>(LaneMaxOf(manifest) / grid);
}

privacy::Charge Safeguards::ChargeOfRecord() const {
  return record ? record->charge : update->charge_of_record;
}

Epsilons EpsilonsOf(const Safeguards& safeguards) {
  Epsilons epsilons{std::numeric_limits<double>::infinity(),
                    std::numeric_limits<double>::infinity()};
  if (safeguards.update) {
    epsilons.member = EpsilonAlone(safeguards.update->charge, safeguards.delta);
    epsilons.record = EpsilonAlone(safeguards.update->charge_of_record, safeguards.delta);
  }
  if (safeguards.record) {
    const double of_training = EpsilonAlone(safeguards.record->charge, safeguards.delta);
    epsilons.record = std::min(epsilons.record, of_training);
  }
  return epsilons;
}

std::string RecordedEpsilon(const Epsilons& epsilons) {
  const uint64_t micro = privacy::EpsilonMicro(epsilons.record);
  if (micro > privacy::kEpsilonMicroMax) return "";
  char text[40];
  std::snprintf(text, sizeof text, "%llu.%06llu", static_cast<unsigned long long>(micro / 1000000),
                static_cast<unsigned long long>(micro % 1000000));
  return text;
}

Status CheckRecorded(const round::RunManifest& manifest, std::string_view recorded) {
  DURE_ASSIGN(const Safeguards safeguards, SafeguardsOf(manifest));
  const std::string counted = RecordedEpsilon(EpsilonsOf(safeguards));
  if (recorded.empty() || recorded == counted) return {};  // without bound promises nothing
  const auto said = MicroOf(recorded);
  const auto own = MicroOf(counted);
  // Libraries of mathematics differ in the last digit.
  if (said && own && *said + 1 >= *own) return {};
  return Fail(ErrorCode::kInvalid, "the record says that the run costs epsilon " +
                                       std::string(recorded.substr(0, 40)) + ", and it costs " +
                                       (counted.empty() ? "more than any bound" : counted));
}

std::vector<std::string> Sentences(const Safeguards& safeguards, const Epsilons& epsilons) {
  std::vector<std::string> lines;
  if (const auto& update = safeguards.update) {
    lines.push_back("noise on updates: " + privacy::Describe(update->plan.mechanism) +
                    " a round; rounding makes an update at most " +
                    Number(100 * (update->plan.inflation - 1)) + " % longer. Only the noise of " +
                    std::to_string(update->counted) +
                    " sites is counted: others may be lost or collude.");
    lines.push_back("noise beside signal: " + update->harm.sentence);
    lines.push_back("a site, over the whole run: " +
                    PromiseOf(privacy::Unit::kMember, epsilons.member, safeguards.delta));
  }
  if (const auto& record = safeguards.record) {
    lines.push_back("DP-SGD: " + privacy::Describe(record->charge.mechanism) + ", " +
                    std::to_string(record->charge.steps) + " steps");
  }
  if (safeguards.update || safeguards.record) {
    lines.push_back("a sequence, over the whole run: " +
                    PromiseOf(privacy::Unit::kExample, epsilons.record, safeguards.delta));
  }
  return lines;
}

}  // namespace dure::safeguard
