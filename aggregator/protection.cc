#include "aggregator/protection.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace dure::aggregator {
namespace {

using nlohmann::json;

// JSON has no infinity.
json NumberOrNull(double value) { return std::isfinite(value) ? json(value) : json(); }

}  // namespace

Protection::Protection(const round::Privacy& terms, safeguard::Safeguards safeguards)
    : terms_(terms),
      safeguards_(std::move(safeguards)),
      epsilons_(safeguard::EpsilonsOf(safeguards_)) {}

Result<std::optional<Protection>> Protection::Of(const round::RunManifest& manifest,
                                                 uint64_t parameter_count) {
  if (!manifest.privacy.any()) return std::optional<Protection>();
  if (manifest.privacy.noisy() && manifest.privacy.dimension != parameter_count) {
    return Fail(ErrorCode::kInvalid,
                "noise is planned for " + std::to_string(manifest.privacy.dimension) +
                    " parameters, and the model has " + std::to_string(parameter_count));
  }
  DURE_ASSIGN(auto safeguards, safeguard::SafeguardsOf(manifest));
  return std::optional(Protection(manifest.privacy, std::move(safeguards)));
}

json Protection::Json() const {
  json object = {{"noise", std::string(Name(terms_.noise))},
                 {"delta", terms_.delta},
                 {"member_epsilon", NumberOrNull(epsilons_.member)},
                 {"record_epsilon", NumberOrNull(epsilons_.record)},
                 {"sentences", safeguard::Sentences(safeguards_, epsilons_)}};
  if (const auto& update = safeguards_.update) {
    object.update({{"clip", terms_.clip},
                   {"coordinate_clip", terms_.coordinate_clip},
                   {"noise_multiplier", terms_.noise_multiplier},
                   {"rotated", terms_.rotate},
                   {"noise_to_signal", update->harm.ratio},
                   {"inflation", update->plan.inflation},
                   {"grid", update->scale},
                   {"share_variance", update->plan.share_variance},
                   {"shares_counted", update->counted}});
  }
  if (safeguards_.record) {
    object["dp_sgd"] = {{"clip", terms_.record_clip},
                        {"noise", terms_.record_noise},
                        {"rate", terms_.record_rate},
                        {"steps", safeguards_.record->charge.steps}};
  }
  return object;
}

std::map<std::string, std::string> Protection::Fields() const {
  std::map<std::string, std::string> fields;
  if (safeguards_.update) {
    fields["noiseToSignal"] = fmt::format("{:.4g}", safeguards_.update->harm.ratio);
  }
  const std::string epsilon = safeguard::RecordedEpsilon(epsilons_);
  if (!epsilon.empty()) fields["privacyEpsilon"] = epsilon;
  return fields;
}

}  // namespace dure::aggregator
