#include "cli/run_privacy.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "policy/safeguard/safeguard.h"

namespace dure::cli {
namespace {

// A coordinate of a rotated block is rarely above eight times its even share of the whole norm.
constexpr double kRotatedShare = 8.0 / 32;

std::optional<double> NumberIn(std::string_view text) {
  double value = 0;
  const std::string whole(text);
  char* end = nullptr;
  value = std::strtod(whole.c_str(), &end);
  const bool taken = !whole.empty() && end == whole.c_str() + whole.size();
  return taken && std::isfinite(value) ? std::optional(value) : std::nullopt;
}

// "clip=1,noise=1.1,rate=0.01", in any order, each once.
Status ParseDpSgd(std::string_view text, round::Privacy& privacy) {
  const auto refuse = [text](const std::string& why) {
    return Fail(ErrorCode::kInvalid, "--dp-sgd " + std::string(text) + ": " + why +
                                         "; write clip=1,noise=1.1,rate=0.01");
  };
  struct Part {
    std::string_view name;
    double& value;
  };
  const Part parts[] = {{"clip", privacy.record_clip},
                        {"noise", privacy.record_noise},
                        {"rate", privacy.record_rate}};
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    const size_t equals = one.find('=');
    const Part* found = nullptr;
    for (const Part& part : parts) {
      if (one.substr(0, equals) == part.name) found = &part;
    }
    if (equals == std::string_view::npos || found == nullptr || found->value != 0) {
      return refuse("\"" + std::string(one) + "\" is not one of clip, noise and rate, once each");
    }
    const auto value = NumberIn(one.substr(equals + 1));
    if (!value || !(*value > 0)) {
      return refuse("\"" + std::string(one) + "\" needs a number above 0");
    }
    found->value = *value;
  }
  for (const Part& part : parts) {
    if (part.value == 0) return refuse(std::string(part.name) + " is missing");
  }
  return {};
}

Status ChooseNoise(const RunOptions& options, uint64_t parameter_count,
                   round::RunManifest& manifest) {
  round::Privacy& privacy = manifest.privacy;
  if (!manifest.masked()) {
    return Fail(ErrorCode::kInvalid,
                "--privacy " + options.noise +
                    " needs masking: without it the aggregator sees each site's update with only "
                    "that site's share of the noise");
  }
  privacy.clip = options.noise_clip;
  privacy.rotate = options.rotate;
  const double usual = privacy.rotate ? kRotatedShare * privacy.clip : privacy.clip;
  privacy.coordinate_clip = options.coordinate_clip != 0 ? options.coordinate_clip : usual;
  privacy.noise_multiplier = options.noise_multiplier;
  privacy.dimension = parameter_count;
  DURE_TRY(privacy.Validate());
  manifest.initial_scale = safeguard::FittingScale(manifest);
  return {};
}

}  // namespace

void AddPrivacyOptions(Command verb, RunOptions& run) {
  const Option noise =
      verb.Add("--privacy", run.noise,
               "noise on updates, so that a model tells little of any one site: "
               "discrete-gaussian or skellam; it destroys a whole model unless hundreds of "
               "sites take part (dure plan --noise)");
  verb.Add("--privacy-clip", run.noise_clip,
           "L2 norm to which each site cuts its update, in the model's own units")
      .ShowDefault()
      .Needs(noise);
  verb.Add("--privacy-noise", run.noise_multiplier,
           "deviation of the noise in a sum, in clip norms, even when the fewest sites stay "
           "and as many collude as masking withstands")
      .ShowDefault()
      .Needs(noise);
  verb.Add("--privacy-coordinate-clip", run.coordinate_clip,
           "bound of each coordinate; a fourth of the clip, or the clip without rotation")
      .Needs(noise);
  verb.Flag("--privacy-rotate,!--no-privacy-rotate", run.rotate,
            "rotate blocks of 1024 before rounding, so that no coordinate stands out (default)")
      .Needs(noise);
  verb.Add("--dp-sgd", run.dp_sgd,
           "train so that no single sequence can be told from the model: clip=1,noise=1.1,"
           "rate=0.01 (norm of each sequence's gradient, noise of a step in clips, chance "
           "of a sequence to be in a step); works with any number of sites");
  verb.Add("--privacy-delta", run.delta,
           "at which the run's epsilon is told: below one in the number of sequences")
      .ShowDefault();
}

Status ChoosePrivacy(const RunOptions& options, uint64_t parameter_count,
                     round::RunManifest& manifest) {
  round::Privacy& privacy = manifest.privacy;
  if (!options.noise.empty()) {
    DURE_ASSIGN(privacy.noise, round::ParseNoise(options.noise));
  }
  if (!options.dp_sgd.empty()) DURE_TRY(ParseDpSgd(options.dp_sgd, privacy));
  if (privacy.any()) privacy.delta = options.delta;
  if (!privacy.any() && options.delta != RunOptions().delta) {
    return Fail(
        ErrorCode::kInvalid,
        "--privacy-delta tells an epsilon, and without --privacy or --dp-sgd there is none");
  }
  if (privacy.noisy()) DURE_TRY(ChooseNoise(options, parameter_count, manifest));
  DURE_TRY(manifest.Validate());
  const auto safeguards = safeguard::SafeguardsOf(manifest);
  if (!safeguards) return Fail(safeguards.error());
  return {};
}

std::string PrivacyText(const nlohmann::json& answer, const std::string& indent) {
  const auto privacy = answer.find("privacy");
  if (privacy == answer.end() || !privacy->is_object()) return "";
  const auto sentences = privacy->find("sentences");
  if (sentences == privacy->end() || !sentences->is_array()) return "";
  std::string text;
  for (const auto& sentence : *sentences) {
    if (sentence.is_string()) text += "\n" + indent + sentence.get<std::string>();
  }
  return text;
}

}  // namespace dure::cli
