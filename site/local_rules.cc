#include "site/local_rules.h"

namespace dure::site {

std::string Objection(const LocalRules& rules, const round::RunManifest& manifest,
                      RoundNumber round, uint64_t parameter_count) {
  if (!rules.accept_all && !rules.accept.contains(manifest.run)) return "run-not-accepted";
  if (rules.rounds_max != 0 && round.value >= rules.rounds_max) return "too-many-rounds";
  if (rules.parameters_max != 0 && parameter_count > rules.parameters_max) return "model-too-large";
  return "";
}

}  // namespace dure::site
