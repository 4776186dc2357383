// EvaluationRequest: what the aggregator asks a site to measure, as it stands on the watch stream.
#pragma once

#include <cstdint>
#include <string_view>

#include "federation/digest.h"
#include "federation/round/plan.h"

namespace dure::site {

struct EvaluationRequest {
  uint64_t id = 0;
  RunId run;
  Digest model;
  round::RunManifest manifest;
};

// {"evaluate": {"id", "manifest": base64 of its canonical bytes, "model": hex}}. Total. kInvalid:
// any other text.
Result<EvaluationRequest> ParseEvaluationRequest(std::string_view line);

}  // namespace dure::site
