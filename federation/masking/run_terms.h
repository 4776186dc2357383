// What the sites of a run agree on before one of its rounds is masked: from the run's manifest, the
// base and what the record says. The aggregator and every site derive it by this one function, each
// from its own copies. Pure; any thread.
#pragma once

#include "federation/masking/aggregator_half.h"
#include "federation/masking/context.h"
#include "federation/masking/history.h"
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

// How many sites may help the aggregator in any round of a masked run, whichever cohort that the
// run allows it chooses: of the one that withstands the fewest.
uint32_t CorruptMaxOf(const round::RunManifest& manifest);

// How long a site waits for an answer before it says again what it said last, and the aggregator
// before it opens again to whoever is silent. A link mostly says that it is gone; this is for what
// it lost without a word.
inline constexpr std::chrono::seconds kSayAgainAfter{2};

// How long a phase of an attempt may take in such a run; none: as long as it takes. `merging`: the
// round's submissions are over.
std::optional<Duration> PatienceOf(AggregatorPhase phase, const round::RunManifest& manifest,
                                   bool merging);

// Of the candidates for a round's cohort, those that a sum with them would show beside the sums
// released before, and those of other runs (ChooseCohort); ascending. Whoever has no seat is not
// among them.
std::vector<SiteId> SetApart(const History& released, const round::RunManifest& manifest,
                             RoundNumber round, std::vector<Seat> seats,
                             std::vector<SiteId> candidates,
                             const std::set<ReleasedSum>& beside = {});

// Whether a sum over these sites would show somebody beside the sums released before
// (REFUSE_MEMBERSHIP). The aggregator asks before it names them as survivors: of what may have been
// released, sites know only what they signed, and whoever signed a sum that the others refuse is at
// odds with them for good.
Objection CheckSum(const History& released, const round::RunManifest& manifest, RoundNumber round,
                   const std::vector<Seat>& seats, std::vector<SiteId> sites,
                   const std::set<ReleasedSum>& beside = {});

// What a round's unmasked scalars are called there.
round::Sums SumsOf(const Scalars& scalars);

// Whether a sum over so many sites keeps the run's limit on lanes that were cut
// (REFUSE_SATURATION). The aggregator asks when it has the sum, each site before it says that the
// sum is right.
Objection CheckSaturation(const round::RunManifest& manifest, const Scalars& scalars,
                          uint64_t parameter_count, uint32_t survivors);

}  // namespace dure::masking
