#include "cli/run_proposal.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>

#include "cli/run_privacy.h"
#include "federation/masking/cohort.h"
#include "federation/schedule_parts.h"
#include "model/config.h"
#include "model/cpu/schedule.h"
#include "model/initialize.h"
#include "model/layout.h"
#include "model/safetensors.h"
#include "model/text/tokenizer.h"

namespace dure::cli {
namespace {

Duration Seconds(double seconds) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

// Said before anything is made of it, in the words and the unit of whoever typed it.
Status CheckTyped(const RunOptions& options) {
  const auto is_within_a_year = [](double seconds) {
    return seconds >= 0 && seconds <= 31'536'000;
  };
  const auto refuse = [](const char* option, const char* rule) {
    return Fail(ErrorCode::kInvalid, std::string(option) + " must be " + rule);
  };
  if (options.rounds == 0) return refuse("--rounds", "1 or more");
  if (options.steps == 0 && options.seconds == 0) {
    return refuse("--steps", "1 or more, or 0 with --seconds");
  }
  if (options.steps > 1'000'000'000) return refuse("--steps", "at most 1000000000");
  if (!is_within_a_year(options.join_seconds)) return refuse("--join-seconds", "0..31536000");
  if (!is_within_a_year(options.lost_seconds)) return refuse("--lost-seconds", "0..31536000");
  if (!is_within_a_year(options.deadline_seconds) || options.deadline_seconds == 0) {
    return refuse("--deadline-seconds", "above 0 and at most 31536000");
  }
  return {};
}

Status CheckSequence(const RunOptions& options, const model::LlamaConfig& config) {
  if (options.sequence <= config.context) return {};
  return Fail(ErrorCode::kInvalid, "--sequence " + std::to_string(options.sequence) +
                                       " is longer than the model's context of " +
                                       std::to_string(config.context) + " tokens");
}

Result<Digest> PutInitialModel(const RunOptions& options, const model::LlamaConfig& config,
                               blob::BlobStore& store, const std::filesystem::path& scratch) {
  const model::Layout layout = model::LlamaLayout(config);
  const std::filesystem::path path = scratch / "initial.safetensors";
  {
    DURE_ASSIGN(auto file, model::SafetensorsFile::Create(path, layout));
    if (options.from.empty()) {
      model::Initialize(config, SeedOf(options), file.mutable_flat());
    } else {
      DURE_ASSIGN(const auto source, model::SafetensorsFile::Open(options.from));
      if (source.layout().digest() != layout.digest()) {
        return Fail(ErrorCode::kInvalid, "--from " + options.from +
                                             ": its tensors are not those of --model " +
                                             options.model + " with this tokenizer");
      }
      std::ranges::copy(source.flat(), file.mutable_flat().begin());
    }
    DURE_TRY(file.Sync());
  }
  DURE_ASSIGN(const auto manifest, blob::ManifestOfFile(path));
  return store.Import(path, manifest);
}

round::InnerTraining Inner(const RunOptions& options, const model::LlamaConfig& config,
                           round::ScheduleKind schedule) {
  round::InnerTraining inner;
  inner.schedule = schedule;
  inner.learning_rate = options.learning_rate;
  inner.total_steps = options.steps * options.rounds;
  inner.warmup_steps = options.warmup != 0 ? options.warmup : inner.total_steps / 20;
  inner.decay_steps = schedule == round::ScheduleKind::kWsd ? inner.total_steps / 5 : 0;
  inner.steps = options.steps;
  inner.seconds = options.seconds;
  inner.batch = options.batch;
  inner.sequence = options.sequence != 0 ? options.sequence : config.context;
  inner.accumulation = options.accumulation;
  inner.seed = SeedOf(options);
  return inner;
}

// In the options' words what the manifest says in its fields'.
Status CheckSchedule(const RunOptions& options, const round::InnerTraining& inner) {
  if (inner.schedule == round::ScheduleKind::kConstant) return {};
  const std::string name(round::Name(inner.schedule));
  if (inner.total_steps == 0) {
    return Fail(ErrorCode::kInvalid,
                "--schedule " + name +
                    " falls over the run's steps, and --seconds alone does not say how many there "
                    "are: give --steps too, or --schedule constant");
  }
  const ScheduleParts parts{inner.warmup_steps, inner.decay_steps, inner.total_steps};
  if (DecayFits(parts)) return {};
  const uint64_t most = inner.total_steps - std::max<uint64_t>(inner.decay_steps, 1);
  return Fail(ErrorCode::kInvalid,
              "--warmup " + std::to_string(inner.warmup_steps) + " is too long: the run has " +
                  std::to_string(inner.total_steps) + " steps (" + std::to_string(options.rounds) +
                  " rounds of " + std::to_string(options.steps) + ")" +
                  (inner.decay_steps == 0 ? ""
                                          : ", of which wsd lets the rate fall over the last " +
                                                std::to_string(inner.decay_steps)) +
                  "; give --warmup " + std::to_string(most) + " or less, or more steps");
}

Result<round::Intent> IntentOf(const RunOptions& options) {
  round::Intent intent;
  DURE_ASSIGN(intent.purpose, round::ParsePurpose(options.purpose));
  intent.beneficiaries.clear();
  for (const std::string& typed : options.beneficiaries) {
    DURE_ASSIGN(const round::Beneficiary one, round::ParseBeneficiary(typed));
    intent.beneficiaries.push_back(one);
  }
  std::ranges::sort(intent.beneficiaries);
  intent.beneficiaries.erase(std::unique(intent.beneficiaries.begin(), intent.beneficiaries.end()),
                             intent.beneficiaries.end());
  intent.sector = options.sector;
  DURE_ASSIGN(intent.valuation, round::ParseValuation(options.valuation));
  DURE_ASSIGN(intent.risk, round::ParseRiskClass(options.risk));
  DURE_TRY(intent.Validate());
  return intent;
}

// How far AdamW can move a parameter in a round bounds the first update, so nothing saturates in
// round 0. Nobody knows the steps of a time budget: what moves further than these is cut, kept at
// the site and sent in the next round.
constexpr uint64_t kStepsGuessed = 100;

float InitialScale(const round::InnerTraining& inner) {
  const uint64_t steps = inner.steps != 0 ? inner.steps : kStepsGuessed;
  double largest = inner.learning_rate * static_cast<double>(steps);
  if (inner.steps != 0) {
    const auto kind =
        inner.schedule == round::ScheduleKind::kConstant ? model::cpu::Schedule::Kind::kConstant
        : inner.schedule == round::ScheduleKind::kCosine ? model::cpu::Schedule::Kind::kCosine
                                                         : model::cpu::Schedule::Kind::kWsd;
    const model::cpu::Schedule schedule{kind,
                                        inner.learning_rate,
                                        inner.warmup_steps,
                                        inner.total_steps,
                                        inner.decay_steps,
                                        inner.final_fraction};
    largest = model::cpu::LearningRateSum(schedule, 0, steps);
  }
  return static_cast<float>(std::max(largest, 1e-9));
}

// Whoever asks for a stricter rule of masked sums does not expect that there are none.
Status CheckUnmasked(const RunOptions& options) {
  const RunOptions usual;
  const char* const rule = options.members_min > usual.members_min       ? "--members-min"
                           : options.batch_members > usual.batch_members ? "--batch-members"
                           : options.survivors_min > usual.survivors_min ? "--survivors-min"
                                                                         : nullptr;
  if (rule == nullptr) return {};
  return Fail(ErrorCode::kInvalid,
              std::string(rule) +
                  " is a rule of masked sums, and this run is not masked: it needs three sites or "
                  "more and no --masking none");
}

// Secure aggregation is what a run has unless somebody says otherwise, or two sites are all there
// are.
Status ChooseMasking(const RunOptions& options, round::RunManifest& manifest) {
  const size_t invited = options.sites.size();
  if (options.masking.empty()) {
    const bool too_few = invited != 0 && invited < masking::kMembersFloor;
    manifest.masking = too_few ? round::Masking::kNone : round::Masking::kPairwise;
  } else {
    DURE_ASSIGN(manifest.masking, round::ParseMasking(options.masking));
  }
  if (!manifest.masked()) return CheckUnmasked(options);
  if (invited != 0 && invited < options.members_min) {
    return Fail(ErrorCode::kInvalid, "--members-min " + std::to_string(options.members_min) +
                                         " can never be reached: " + std::to_string(invited) +
                                         " sites are invited");
  }
  manifest.masking_rules.members_min = options.members_min;
  manifest.masking_rules.batch_members = options.batch_members;
  manifest.masking_rules.survivors_permille =
      static_cast<uint32_t>(std::lround(options.survivors_min * 1000));
  manifest.masking_rules.forbid_differences = !options.allow_differences;
  if (options.quorum == 0 && invited == 0) manifest.quorum = options.members_min;
  if (manifest.quorum < options.members_min) {
    return Fail(ErrorCode::kInvalid,
                "a round of " + std::to_string(manifest.quorum) +
                    " sites cannot be masked: --quorum " + std::to_string(options.members_min) +
                    " or more, or --masking none, which shows each update to the aggregator");
  }
  manifest.cohort_min = manifest.quorum;
  manifest.cohort_max = std::max(std::min(manifest.cohort_max, 255U), manifest.cohort_min);
  return {};
}

// A digest as it is, or of a file.
Result<Digest> CodeNamed(const std::string& typed) {
  if (const auto digest = Digest::FromHex(typed)) return *digest;
  if (typed.find('/') == std::string::npos) {
    return Fail(ErrorCode::kInvalid, "--code " + typed +
                                         " is neither 64 hex digits nor a path: dure site status "
                                         "shows the digest of a site's trainer");
  }
  std::ifstream file(typed, std::ios::binary);
  if (!file) return Fail(ErrorCode::kNotFound, "--code " + typed + " is not there");
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  return Sha256(AsBytes(bytes));
}

Status ChooseBounds(const RunOptions& options, round::RunManifest& manifest) {
  for (const std::string& typed : options.code) {
    DURE_ASSIGN(const Digest digest, CodeNamed(typed));
    manifest.code.push_back(digest);
  }
  std::ranges::sort(manifest.code);
  manifest.code.erase(std::unique(manifest.code.begin(), manifest.code.end()), manifest.code.end());
  manifest.norm_max = options.norm_max;
  manifest.saturation_limit = options.saturation_limit;
  manifest.passes_max = options.passes_max;
  return {};
}

// The tokens of a round that give full weight.
Status ChooseReference(const RunOptions& options, round::RunManifest& manifest) {
  const round::InnerTraining& inner = manifest.inner;
  const uint64_t tokens_a_step = uint64_t{inner.batch} * inner.sequence * inner.accumulation;
  if (inner.steps == 0 && options.reference_tokens == 0 &&
      manifest.weighting == round::Weighting::kTokens) {
    return Fail(ErrorCode::kInvalid,
                "--seconds without --steps needs --reference-tokens (the most tokens a site trains "
                "on in a round) or "
                "--weighting equal");
  }
  manifest.reference_tokens =
      options.reference_tokens != 0 ? options.reference_tokens : tokens_a_step * inner.steps;
  manifest.reference_tokens = std::max<uint64_t>(manifest.reference_tokens, 1);
  return {};
}

}  // namespace

uint64_t SeedOf(const RunOptions& options) {
  if (options.seed) return *options.seed;
  const Digest digest = Sha256(AsBytes("dure-run-seed-1/" + options.name));
  uint64_t seed = 0;
  // 48 bits: a number that every reader of JSON keeps whole.
  for (size_t i = 0; i < 6; ++i) seed = seed << 8 | digest.bytes[i];
  return seed;
}

Result<Proposal> MakeProposal(const RunOptions& options, blob::BlobStore& store,
                              const std::filesystem::path& scratch) {
  DURE_TRY(CheckTyped(options));
  Proposal proposal;
  round::RunManifest& manifest = proposal.manifest;
  DURE_ASSIGN(manifest.run, RunId::Parse(options.name));
  DURE_ASSIGN(manifest.intent, IntentOf(options));
  DURE_ASSIGN(auto config, model::PresetOrFile(options.model));
  DURE_ASSIGN(const auto tokenizer, text::Tokenizer::Load(options.tokenizer));
  config.vocab = static_cast<uint32_t>(tokenizer.vocab_size());
  config.bos_id = tokenizer.bos();
  config.eos_id = tokenizer.eos();
  DURE_TRY(model::Validate(config));
  DURE_TRY(CheckSequence(options, config));
  manifest.model_config = model::ToConfigJson(config);
  if (options.tokenizer != "bytes") {
    DURE_ASSIGN(manifest.tokenizer, store.Put(AsBytes(tokenizer.json())));
    proposal.blobs.push_back(manifest.tokenizer);
  }
  DURE_ASSIGN(manifest.initial_model, PutInitialModel(options, config, store, scratch));
  manifest.from_model = !options.from.empty();
  proposal.blobs.push_back(manifest.initial_model);
  proposal.parameter_count = model::LlamaLayout(config).parameter_count();

  const bool noisy = !options.noise.empty() && options.noise != "none";
  const std::string lane = options.lane.empty() ? (noisy ? "int16" : "int8") : options.lane;
  DURE_ASSIGN(manifest.lane, round::ParseLane(lane));
  DURE_ASSIGN(manifest.merge, round::MergeRule::Parse(options.merge));
  const bool by_tokens = manifest.merge.is_mean() && !noisy;
  manifest.weighting = by_tokens ? round::Weighting::kTokens : round::Weighting::kEqual;
  if (!options.weighting.empty()) {
    DURE_ASSIGN(manifest.weighting, round::ParseWeighting(options.weighting));
  }
  const char* shape = options.steps != 0 ? "cosine" : "constant";
  DURE_ASSIGN(const auto schedule,
              round::ParseScheduleKind(options.schedule.empty() ? shape : options.schedule));
  manifest.outer_eta = options.outer_eta;
  manifest.outer_mu = options.outer_mu;
  manifest.inner = Inner(options, config, schedule);
  DURE_TRY(CheckSchedule(options, manifest.inner));
  manifest.rounds = options.rounds;
  const auto invited = static_cast<uint32_t>(options.sites.size());
  if (invited != 0 && options.quorum > invited) {
    return Fail(ErrorCode::kInvalid, "--quorum " + std::to_string(options.quorum) +
                                         " can never be reached: " + std::to_string(invited) +
                                         " sites are invited");
  }
  manifest.quorum = options.quorum != 0 ? options.quorum : std::max(invited, 1u);
  manifest.cohort_min = manifest.quorum;
  manifest.cohort_max = invited != 0 ? std::min(invited, options.cohort_max) : options.cohort_max;
  DURE_TRY(ChooseMasking(options, manifest));
  DURE_TRY(ChooseBounds(options, manifest));
  manifest.join_window = Seconds(options.join_seconds);
  manifest.round_deadline = Seconds(options.deadline_seconds);
  manifest.lost_grace = Seconds(options.lost_seconds);
  DURE_TRY(ChooseReference(options, manifest));
  manifest.initial_scale = InitialScale(manifest.inner);
  DURE_TRY(ChoosePrivacy(options, proposal.parameter_count, manifest));
  DURE_TRY(manifest.Validate());
  return proposal;
}

}  // namespace dure::cli
