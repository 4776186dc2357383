#include "cli/plan_privacy.h"

#include <algorithm>
#include <cmath>

#include "federation/codec/lane.h"
#include "federation/limits.h"
#include "federation/masking/cohort.h"
#include "planning/quantity.h"
#include "policy/privacy/accountant.h"
#include "policy/privacy/protection.h"
#include "policy/safeguard/safeguard.h"

namespace dure::cli {
namespace {

using planning::CountText;

// A grid just fine enough, coordinates bounded at eight times their share of the norm after
// rotation, words as wide as masking has them.
privacy::NoiseSettings SettingsOf(const PrivacyQuestion& privacy, double sites,
                                  uint64_t dimension) {
  privacy::NoiseSettings settings;
  settings.members = static_cast<uint32_t>(sites);
  settings.counted = safeguard::HonestShares(settings.members, masking::kMembersFloor);
  settings.dimension = dimension;
  settings.noise_multiplier = privacy.noise_multiplier;
  settings.clip = 1;
  settings.coordinate_clip = std::min(1.0, 8 / std::sqrt(static_cast<double>(dimension)));
  settings.scale = 1.001 * privacy::ScaleNeeded(1, dimension);
  settings.word_bits = 32;
  return settings;
}

}  // namespace

Result<planning::Section> PrivacySection(const PrivacyQuestion& privacy,
                                         const planning::Question& question,
                                         const planning::Plan& plan) {
  const double coordinates =
      privacy.coordinates == 0 ? question.parameters : std::floor(privacy.coordinates);
  if (!(coordinates >= 1 && coordinates <= static_cast<double>(limits::kParameterCountMax))) {
    return Fail(ErrorCode::kInvalid, "the coordinates with noise are not those of a model");
  }
  if (!(privacy.delta > 0 && privacy.delta < 1)) {
    return Fail(ErrorCode::kInvalid, "delta must be above 0 and below 1");
  }
  const auto dimension = static_cast<uint64_t>(coordinates);
  DURE_ASSIGN(const privacy::NoisePlan noise,
              privacy::PlanNoise(SettingsOf(privacy, question.sites, dimension)));
  const planning::Figure* const rounds = plan.Find("run_rounds");
  const double steps = std::clamp(rounds == nullptr ? 1.0 : rounds->value, 1.0,
                                  static_cast<double>(privacy::kStepsMax));
  const privacy::Charge charge{noise.mechanism, static_cast<uint64_t>(steps)};
  DURE_TRY(privacy::Check(charge));
  const double epsilon = privacy::EpsilonOf({&charge, 1}, privacy.delta).epsilon;
  const privacy::Harm harm =
      privacy::HarmOf(static_cast<uint32_t>(question.sites), dimension, privacy.noise_multiplier);
  planning::Section section{"Privacy of a member, by noise", {}};
  section.figures.push_back(
      {"noise_to_signal", harm.ratio, "", CountText(harm.ratio) + " x", harm.sentence});
  section.figures.push_back({"member_epsilon", epsilon, "", CountText(epsilon),
                             "epsilon over " + CountText(steps) + " rounds: " +
                                 PromiseOf(privacy::Unit::kMember, epsilon, privacy.delta)});
  section.figures.push_back(
      {"noise_word_bits", static_cast<double>(noise.word_bits_needed), "bits",
       std::to_string(noise.word_bits_needed) + " bits",
       "each coordinate of the masked sum, on a grid fine enough that rounding adds at most 1 % to "
       "the norm"});
  const double widest = codec::LaneMax(codec::Lane::kInt16);
  section.figures.push_back(
      {"noise_lane_units", noise.lane_needed, "", CountText(noise.lane_needed),
       std::string("grid units that a coordinate of one site reaches with its noise; ") +
           (noise.lane_needed <= widest
                ? "int16 lanes reach 32767"
                : "lanes reach 32767 (int16): a run with so many coordinates, or so much noise, is "
                  "refused")});
  return section;
}

}  // namespace dure::cli
