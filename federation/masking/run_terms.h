// What the sites of a run agree on before one of its rounds is masked: from the run's manifest, the
// base and what the record says. The aggregator and every site derive it by this one function, each
// from its own copies. Pure; any thread.
#pragma once

#include "federation/masking/aggregator_half.h"
#include "federation/masking/context.h"
#include "federation/round/messages.h"

namespace dure::masking {

struct RunTerms {
  const round::RunManifest& manifest;
  const round::Base& base;  // as derived here
  std::string federation;   // the consortium
  Digest policy;            // pinned when the run was approved
  PublicKey aggregator{};
  uint64_t parameter_count = 0;
  uint32_t site_count = 0;  // of the cohort
};

// One segment. REQUIRES: at most limits::kParameterCountMax parameters, at least two sites.
Agreed AgreedOn(const RunTerms& terms);

// How long a phase of an attempt may take in such a run; none: as long as it takes. `merging`: the
// round's submissions are over.
std::optional<Duration> PatienceOf(AggregatorPhase phase, const round::RunManifest& manifest,
                                   bool merging);

// Whether an attempt that reached `phase` and ends without a sum takes the number of its round with
// it. `released`: sites may count it as released. Without the rule against differences also if
// they signed its survivors: who is not in the next sum of that number would take that one for a
// fork. (Under the rule a number goes on with the same sites, and what they signed last counts.)
bool UsesUpNumber(AggregatorPhase phase, bool released, const CohortRules& rules);

// What a round's unmasked scalars are called there.
round::Sums SumsOf(const Scalars& scalars);

}  // namespace dure::masking
