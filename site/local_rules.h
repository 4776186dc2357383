// LocalRules: a site's own last word on a run, before anything of it is trained.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "federation/round/plan.h"

namespace dure::site {

struct LocalRules {
  bool accept_all = true;
  std::set<RunId> accept;       // when not accept_all
  uint64_t rounds_max = 0;      // of one run; 0: as many as it has
  uint64_t parameters_max = 0;  // 0: any size
};

// Empty: this site takes part. Otherwise a code: "run-not-accepted", "too-many-rounds",
// "model-too-large".
std::string Objection(const LocalRules& rules, const round::RunManifest& manifest,
                      RoundNumber round, uint64_t parameter_count);

}  // namespace dure::site
