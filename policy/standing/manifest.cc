#include "policy/standing/manifest.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "federation/limits.h"

namespace dure::standing {
namespace {

// As the configuration names it: "LlamaForCausalLM". Empty: it names none.
std::string ArchitectureOf(const round::RunManifest& manifest) {
  const auto config = nlohmann::json::parse(manifest.model_config, nullptr, false);
  if (!config.is_object() || !config.contains("architectures")) return "";
  const auto& names = config["architectures"];
  const bool named = names.is_array() && !names.empty() && names.front().is_string();
  return named ? names.front().get<std::string>().substr(0, limits::kNameBytesMax) : "";
}

void AddPrivacy(const round::Privacy& terms, std::map<std::string, std::string>& fields) {
  if (!terms.any()) return;
  fields["noise"] = std::string(Name(terms.noise));
  fields["privacyDelta"] = fmt::format("{}", terms.delta);
  if (terms.noisy()) {
    fields["noiseClip"] = fmt::format("{}", terms.clip);
    fields["noiseMultiplier"] = fmt::format("{}", terms.noise_multiplier);
  }
  if (!terms.per_record()) return;
  fields["dpSgd"] = fmt::format("clip {}, noise {}, rate {}", terms.record_clip, terms.record_noise,
                                terms.record_rate);
}

}  // namespace

ledger::RunBounds BoundsOf(const round::RunManifest& manifest) {
  ledger::RunBounds bounds;
  bounds.code = manifest.code;
  if (manifest.norm_max > 0) bounds.norm = manifest.norm_max;
  bounds.steps = manifest.inner.steps;
  bounds.step_tokens =
      uint64_t{manifest.inner.batch} * manifest.inner.sequence * manifest.inner.accumulation;
  bounds.passes = manifest.passes_max;
  const bool by_tokens = manifest.weighting == round::Weighting::kTokens;
  bounds.reference_tokens = by_tokens ? manifest.reference_tokens : 0;
  return bounds;
}

std::map<std::string, std::string> FieldsOf(const round::RunManifest& manifest) {
  std::map<std::string, std::string> fields = manifest.intent.Fields();
  fields.merge(std::map<std::string, std::string>{
      {"architecture", ArchitectureOf(manifest)},
      {"task", "text-generation"},  // what a language model is for
      {"rounds", std::to_string(manifest.rounds)},
      {"quorum", std::to_string(manifest.quorum)},
      {"lane", std::string(Name(manifest.lane))},
      {"weighting", std::string(Name(manifest.weighting))},
      {"masking", std::string(Name(manifest.masking))},
      {"merge", manifest.merge.Text()},
      {"outerEta", fmt::format("{}", manifest.outer_eta)},
      {"outerMu", fmt::format("{}", manifest.outer_mu)},
      {"stepsPerRound", std::to_string(manifest.inner.steps)},
      {"secondsPerRound", fmt::format("{}", manifest.inner.seconds)},
      {"initialModel", manifest.initial_model.Hex()},
      {"tokenizer", manifest.tokenizer.IsZero() ? "bytes" : manifest.tokenizer.Hex()},
      {"modelConfig", manifest.config_digest().Hex()},
  });
  if (manifest.saturation_limit > 0) {
    fields.emplace("saturationLimit", fmt::format("{}", manifest.saturation_limit));
  }
  // Whoever takes part accepts that a member's part may show.
  if (manifest.masked() && !manifest.masking_rules.forbid_differences) {
    fields.emplace("differences", "allowed");
  }
  if (manifest.from_model) fields.emplace("startsFrom", "model");
  AddPrivacy(manifest.privacy, fields);
  return fields;
}

bool IsCountedField(const round::RunManifest& manifest, const std::string& name) {
  if (name == "parameters") return true;
  if (name == "privacyEpsilon") return manifest.privacy.any();
  return name == "noiseToSignal" && manifest.privacy.noisy();
}

}  // namespace dure::standing
