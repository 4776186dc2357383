#include "federation/round/plan.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <concepts>

#include "federation/limits.h"
#include "federation/round/choice.h"
#include "federation/round/fields.h"
#include "federation/schedule_parts.h"

namespace dure::round {
namespace {

constexpr uint32_t kMaskedSitesMax = 255;  // the places of the secrets' sharing

constexpr std::array<std::string_view, 4> kLanes = {"", "int8", "int16", "int4"};
constexpr std::array<std::string_view, 3> kWeightings = {"", "tokens", "equal"};
constexpr std::array<std::string_view, 3> kMaskings = {"", "none", "pairwise"};
constexpr std::array<std::string_view, 4> kSchedules = {"", "constant", "cosine", "wsd"};

std::string Shown(std::integral auto value) { return std::to_string(value); }

// As people write it: "1e+300" and "0.3", not three hundred digits or six.
std::string Shown(double value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

// Collects the first complaint, so that each rule is one line.
class Rules {
 public:
  template <typename T>
  Rules& Require(bool holds, std::string_view field, T value, std::string_view rule) {
    if (holds || !status_) return *this;
    status_ = Fail(ErrorCode::kInvalid, "manifest: " + std::string(field) + " is " + Shown(value) +
                                            " but must be " + std::string(rule));
    return *this;
  }
  // A NaN fails every comparison, so it fails here.
  Rules& Within(std::string_view field, double value, double low, double high) {
    return Require(value >= low && value <= high, field, value, Shown(low) + ".." + Shown(high));
  }
  Status Take() { return std::move(status_); }

 private:
  Status status_;
};

Status CheckInner(const InnerTraining& inner) {
  Rules rules;
  rules.Require(inner.learning_rate > 0 && inner.learning_rate <= 10, "learning_rate",
                inner.learning_rate, "above 0 and at most 10");
  rules.Within("final_fraction", inner.final_fraction, 0, 1);
  rules.Require(inner.beta1 >= 0 && inner.beta1 < 1, "beta1", inner.beta1, "0 or more and below 1");
  rules.Require(inner.beta2 >= 0 && inner.beta2 < 1, "beta2", inner.beta2, "0 or more and below 1");
  rules.Require(inner.epsilon > 0 && inner.epsilon <= 1, "epsilon", inner.epsilon,
                "above 0 and at most 1");
  rules.Within("weight_decay", inner.weight_decay, 0, 100);
  rules.Within("clip_norm", inner.clip_norm, 0, 1e6);
  rules.Within("seconds", inner.seconds, 0, 1e8);
  rules.Require(inner.steps > 0 || inner.seconds > 0, "steps", inner.steps,
                "1 or more, or else seconds above 0");
  rules.Require(inner.steps <= 1'000'000'000, "steps", inner.steps, "at most 1000000000");
  rules.Require(inner.batch >= 1 && inner.batch <= 65536, "batch", inner.batch, "1..65536");
  rules.Require(inner.sequence >= 2 && inner.sequence <= 1 << 20, "sequence", inner.sequence,
                "2..1048576");
  rules.Require(inner.accumulation >= 1 && inner.accumulation <= 65536, "accumulation",
                inner.accumulation, "1..65536");
  const uint64_t tokens = uint64_t{inner.batch} * inner.accumulation * inner.sequence;
  rules.Require(tokens <= limits::kStepTokensMax, "batch x accumulation x sequence", tokens,
                "at most " + std::to_string(limits::kStepTokensMax) + " tokens a step");
  const bool decays = inner.schedule != ScheduleKind::kConstant;
  rules.Require(!decays || inner.total_steps > 0, "total_steps", inner.total_steps,
                "1 or more for a schedule that decays");
  const ScheduleParts parts{inner.warmup_steps, inner.decay_steps, inner.total_steps};
  rules.Require(!decays || WarmupFits(parts), "warmup_steps", inner.warmup_steps,
                "below total_steps, which is " + Shown(inner.total_steps));
  rules.Require(inner.schedule != ScheduleKind::kWsd || DecayFits(parts), "decay_steps",
                inner.decay_steps, "at most what the warm-up leaves of total_steps");
  return rules.Take();
}

Status CheckCohort(const RunManifest& m) {
  Rules rules;
  rules.Require(m.quorum >= 1, "quorum", m.quorum, "1 or more");
  rules.Require(m.cohort_min >= m.quorum, "cohort_min", m.cohort_min, "at least the quorum");
  rules.Require(m.cohort_max >= m.cohort_min, "cohort_max", m.cohort_max, "at least cohort_min");
  rules.Require(m.cohort_max <= limits::kSitesMax, "cohort_max", m.cohort_max,
                "at most " + std::to_string(limits::kSitesMax));
  rules.Require(m.rounds >= 1 && m.rounds <= limits::kRoundsMax, "rounds", m.rounds,
                "1.." + std::to_string(limits::kRoundsMax));
  rules.Require(m.attempts_max >= 1 && m.attempts_max <= 1000, "attempts_max", m.attempts_max,
                "1..1000");
  const int64_t year = 366LL * 24 * 3600 * 1'000'000;
  rules.Require(m.join_window.count() > 0 && m.join_window.count() <= year, "join_window",
                m.join_window.count(), "above 0 and at most a year (microseconds)");
  rules.Require(m.round_deadline.count() > 0 && m.round_deadline.count() <= year, "round_deadline",
                m.round_deadline.count(), "above 0 and at most a year (microseconds)");
  rules.Require(m.lost_grace.count() >= 0 && m.lost_grace.count() <= year, "lost_grace",
                m.lost_grace.count(), "0 or more and at most a year (microseconds)");
  return rules.Take();
}

Status CheckMasking(const RunManifest& m) {
  const MaskingRules& cohort = m.masking_rules;
  Rules rules;
  rules.Require(cohort.members_min >= 3 && cohort.members_min <= kMaskedSitesMax, "members_min",
                cohort.members_min, "3..255: of two, each would learn the other's update");
  rules.Require(m.quorum >= cohort.members_min, "quorum", m.quorum,
                "at least members_min under masking");
  rules.Require(m.cohort_max <= kMaskedSitesMax, "cohort_max", m.cohort_max,
                "at most 255 under masking");
  rules.Require(cohort.survivors_permille <= 1000, "survivors_permille", cohort.survivors_permille,
                "0..1000");
  rules.Require(cohort.batch_members >= 1 && cohort.batch_members <= 4, "batch_members",
                cohort.batch_members, "1..4");
  return rules.Take();
}

// A rule that looks at single updates cannot have them hidden, nor weighed by what a site declares.
Status CheckMerge(const RunManifest& m) {
  DURE_TRY(m.merge.Validate(m.quorum));
  if (m.merge.is_mean()) return {};
  if (m.masked() && m.merge.needs_single_updates()) {
    return Fail(ErrorCode::kInvalid,
                "manifest: merge is " + m.merge.Text() +
                    ", which looks at each site's update, and masking hides those: choose masking "
                    "none, which shows each update to the aggregator, or merge mean or "
                    "direction-norm");
  }
  if (m.weighting != Weighting::kEqual) {
    return Fail(ErrorCode::kInvalid, "manifest: merge is " + m.merge.Text() +
                                         ", which counts every site the same: choose weighting "
                                         "equal");
  }
  return {};
}

// What a part of the contributions would have made has to be made of single ones, by adding them.
Status CheckValuation(const RunManifest& m) {
  if (m.intent.valuation == Valuation::kNone) return {};
  const std::string asked = "manifest: valuation is " + std::string(Name(m.intent.valuation));
  if (m.masked()) {
    return Fail(ErrorCode::kInvalid,
                asked +
                    ", and masking hides single updates: choose masking none, which shows each "
                    "update to the aggregator, or valuation none (shares by the voted formula "
                    "need no valuation)");
  }
  if (m.merge.is_mean()) return {};
  return Fail(
      ErrorCode::kInvalid,
      asked + ", and merge " + m.merge.Text() +
          " says nothing of a part of the contributions: choose merge mean or valuation none");
}

Status CheckCounting(const RunManifest& m) {
  Rules rules;
  rules.Require(m.code.size() <= kCodesMax, "code", m.code.size(), "16 trainers at most");
  const bool rising = std::ranges::adjacent_find(m.code, std::greater_equal<>()) == m.code.end();
  rules.Require(rising, "code", m.code.size(), "ascending, each once");
  rules.Within("norm_max", m.norm_max, 0, 1e12);
  rules.Require(m.norm_max == 0 || !m.masked(), "norm_max", m.norm_max,
                "0 under masking: nobody sees the norm of one update");
  rules.Within("saturation_limit", m.saturation_limit, 0, 1);
  rules.Require(m.passes_max <= 1'000'000'000, "passes_max", m.passes_max, "at most 1000000000");
  return rules.Take();
}

// Noise hides a site's part only in a sum that nobody can take apart, and only if nothing else of
// the part is told: all have one weight, and one number of steps.
Status CheckPrivacy(const RunManifest& m) {
  DURE_TRY(m.privacy.Validate());
  const auto needs = [](std::string_view what) {
    return Fail(ErrorCode::kInvalid, "manifest: privacy needs " + std::string(what));
  };
  if (m.privacy.any() && (m.inner.steps == 0 || m.inner.seconds != 0)) {
    return needs("a number of steps a round, and no seconds");
  }
  if (!m.privacy.noisy()) return {};
  if (m.saturation_limit != 0) {
    return needs("no limit on saturation: an update held back tells what noise hides");
  }
  if (!m.masked()) return needs("masking: each site's own share of the noise hides little");
  if (!m.merge.is_mean()) return needs("the mean: noise is counted in a plain sum");
  if (m.weighting != Weighting::kEqual) return needs("equal weights: a weight would tell tokens");
  return {};
}

}  // namespace

std::string RoundAttempt::Text() const {
  return run.str() + "/" + std::to_string(round.value) + "/" + std::to_string(attempt);
}

std::string_view Name(Lane lane) { return kLanes[static_cast<size_t>(lane)]; }
std::string_view Name(Weighting weighting) { return kWeightings[static_cast<size_t>(weighting)]; }
std::string_view Name(ScheduleKind kind) { return kSchedules[static_cast<size_t>(kind)]; }
std::string_view Name(Masking masking) { return kMaskings[static_cast<size_t>(masking)]; }

Result<Lane> ParseLane(std::string_view text) { return ParseChoice<Lane>(kLanes, "lane", text); }
Result<Weighting> ParseWeighting(std::string_view text) {
  return ParseChoice<Weighting>(kWeightings, "weighting", text);
}
Result<ScheduleKind> ParseScheduleKind(std::string_view text) {
  return ParseChoice<ScheduleKind>(kSchedules, "schedule", text);
}

Result<Masking> ParseMasking(std::string_view text) {
  return ParseChoice<Masking>(kMaskings, "masking", text);
}

Status RunManifest::Validate() const {
  if (run.empty()) return Fail(ErrorCode::kInvalid, "manifest: the run has no name");
  if (model_config.empty() || model_config.size() > kModelConfigBytesMax) {
    return Fail(ErrorCode::kInvalid,
                "manifest: model_config is " + std::to_string(model_config.size()) +
                    " bytes but must be 1.." + std::to_string(kModelConfigBytesMax));
  }
  if (initial_model.IsZero()) {
    return Fail(ErrorCode::kInvalid, "manifest: initial_model names no blob");
  }
  DURE_TRY(intent.Validate());
  DURE_TRY(CheckInner(inner));  // before what is derived from it, so that the cause is named
  Rules rules;
  rules.Require(IsChoice(lane), "lane", static_cast<int>(lane), "int4, int8 or int16");
  rules.Require(IsChoice(weighting), "weighting", static_cast<int>(weighting), "tokens or equal");
  rules.Require(IsChoice(inner.schedule), "schedule", static_cast<int>(inner.schedule),
                "constant, cosine or wsd");
  rules.Require(IsChoice(masking), "masking", static_cast<int>(masking), "none or pairwise");
  rules.Require(block == 1024, "block", block, "1024");
  rules.Require(outer_eta > 0 && outer_eta <= 10, "outer_eta", outer_eta, "above 0, at most 10");
  rules.Require(outer_mu >= 0 && outer_mu < 1, "outer_mu", outer_mu, "0 or more and below 1");
  rules.Require(reference_tokens >= 1 && reference_tokens <= uint64_t{1} << 60, "reference_tokens",
                reference_tokens, "1 or more");
  rules.Require(initial_scale >= 1e-12F && initial_scale <= 1e12F, "initial_scale", initial_scale,
                "1e-12..1e12");
  DURE_TRY(rules.Take());
  DURE_TRY(CheckCohort(*this));
  DURE_TRY(CheckCounting(*this));
  if (masked()) DURE_TRY(CheckMasking(*this));
  DURE_TRY(CheckMerge(*this));
  DURE_TRY(CheckValuation(*this));
  return CheckPrivacy(*this);
}

bool RunManifest::Oversaturated(uint64_t saturated, uint64_t lanes) const {
  if (saturation_limit == 0) return false;
  return !(static_cast<double>(saturated) <= saturation_limit * static_cast<double>(lanes));
}

Bytes RunManifest::Canonical() const {
  Put put;
  put(*this);
  return put.Take();
}

Result<RunManifest> RunManifest::Parse(ByteView canonical) {
  RunManifest manifest;
  Get get(canonical);
  get(manifest);
  DURE_TRY(get.Done("run manifest"));
  DURE_TRY(manifest.Validate());
  return manifest;
}

RoundPlan MakePlan(const RunManifest& manifest, RoundNumber round, uint32_t attempt,
                   const Base& base) {
  return {.at = {manifest.run, round, attempt},
          .manifest = manifest.digest(),
          .base = base,
          .initial_scale = round.value == 0 ? manifest.initial_scale : 0.0F,
          .deadline = manifest.round_deadline,
          .reference_tokens = manifest.reference_tokens};
}

}  // namespace dure::round
