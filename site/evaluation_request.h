// EvaluationRequest: what the aggregator asks a site to measure, as it stands on the watch stream.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "federation/digest.h"
#include "federation/round/plan.h"
#include "policy/ledger/policy_events.h"

namespace dure::site {

struct EvaluationRequest {
  uint64_t id = 0;
  RunId run;
  Digest model;
  round::RunManifest manifest;
  bool decides = false;  // what may be measured on, on the record; older aggregators do not
};

// {"evaluate": {"id", "manifest": base64 of its canonical bytes, "model": hex, "decides": flag}}.
// Total. kInvalid: any other text.
Result<EvaluationRequest> ParseEvaluationRequest(std::string_view line);

// What the aggregator answers to the question on what it may be measured.
struct MeasuringDecided {
  struct One {
    ledger::DatasetUsed used;
    bool admit = false;
    std::string reason;  // of a refusal: a sentence
  };
  bool known = false;  // false: nobody waits for this evaluation any more
  std::vector<One> decided;
};
// {"known": flag, "decided": [{dataset, version, admit, entry, reason}]}. Total. kInvalid: any
// other text.
Result<MeasuringDecided> ParseMeasuringDecided(std::string_view json);

}  // namespace dure::site
