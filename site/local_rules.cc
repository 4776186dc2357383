#include "site/local_rules.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "policy/rules/parse.h"

namespace dure::site {

Result<rules::PolicyDocument> ReadSitePolicy(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Fail(ErrorCode::kNotFound, "--policy " + path + " is not there");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  DURE_ASSIGN(rules::PolicyDocument document, rules::ReadPolicy(text, path));
  if (document.policy.layer == rules::Layer::kSite) return document;
  return Fail(ErrorCode::kInvalid,
              path +
                  " is no site policy: its first words are \"site policy\", and it can only "
                  "forbid, require and oblige");
}

bool CodeIsApproved(const round::RunManifest& manifest, const Digest& code) {
  return manifest.code.empty() || std::ranges::binary_search(manifest.code, code);
}

std::string Objection(const LocalRules& rules, const round::RunManifest& manifest,
                      RoundNumber round, uint64_t parameter_count) {
  if (!rules.accept_all && !rules.accept.contains(manifest.run)) return "run-not-accepted";
  if (rules.rounds_max != 0 && round.value >= rules.rounds_max) return "too-many-rounds";
  if (rules.parameters_max != 0 && parameter_count > rules.parameters_max) return "model-too-large";
  if (rules.epsilon_micro_max && !manifest.privacy.any()) return "privacy-none";
  return "";
}

}  // namespace dure::site
