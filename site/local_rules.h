// LocalRules: a site's own last word on a run, before anything of it is trained.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "federation/round/plan.h"
#include "policy/rules/policy_set.h"

namespace dure::site {

struct LocalRules {
  bool accept_all = true;
  std::set<RunId> accept;       // when not accept_all
  uint64_t rounds_max = 0;      // of one run; 0: as many as it has
  uint64_t parameters_max = 0;  // 0: any size
  // Privacy loss of each of its datasets, over all runs; none: as the dataset's terms say. Runs
  // without noise are then declined.
  std::optional<uint64_t> epsilon_micro_max;
  double account_delta = 1e-6;                  // of privacy accounts that are opened
  std::optional<rules::PolicyDocument> policy;  // of the site's layer: it can only narrow
};

// kNotFound: no such file. kInvalid: it does not read, or is no site policy; with its line.
Result<rules::PolicyDocument> ReadSitePolicy(const std::string& path);

// Whether the run takes contributions of a trainer with this digest.
bool CodeIsApproved(const round::RunManifest& manifest, const Digest& code);

// Empty: this site takes part. Otherwise a code: "run-not-accepted", "too-many-rounds",
// "model-too-large", "privacy-none".
std::string Objection(const LocalRules& rules, const round::RunManifest& manifest,
                      RoundNumber round, uint64_t parameter_count);

}  // namespace dure::site
