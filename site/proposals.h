// Whether a plan is of a run that the record holds, and starts where the record left it: what this
// site's own copy says was proposed and closed.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "federation/round/messages.h"
#include "federation/round/plan.h"
#include "policy/ledger/ledger.h"
#include "policy/standing/state.h"
#include "site/record_check.h"

namespace dure::site {

struct ProposedRun {
  Digest manifest;
  std::map<std::string, std::string> fields;  // as its entry tells a reader, and as it is decided
  std::optional<ledger::RunBounds> bounds;
  std::optional<round::Base> left = {};  // by the closing of the round before the one asked about
  uint64_t closed = 0;                   // rounds
  std::optional<NotHeld> not_now = {};   // why none of its rounds may be trained now

  std::string Field(const std::string& name) const;  // empty: it says none
};

// nullopt: the run is the one in the record. Otherwise "run-not-as-recorded": it is not there, or
// with another manifest, or its entry tells readers, and those who decide by it, other fields or
// bounds than the manifest has. What takes counting is not looked at (standing::IsCountedField).
std::optional<NotHeld> RecordObjection(const round::RunManifest& manifest,
                                       const ProposedRun* recorded);

// Whether a round starts from what the closing before it left, the first one from the run's initial
// model. nullopt: this copy does not have that closing yet. REQUIRES: the run is as recorded, and
// was asked about for this round.
std::optional<bool> StartsAsRecorded(const round::RoundPlan& plan,
                                     const round::RunManifest& manifest,
                                     const ProposedRun& recorded);
// Whether a run ended where the record has it: after its last closing, with what that left; with
// the initial model (zeros: this site was never told) before the first. nullopt: this copy lacks
// closings. REQUIRES: the run was asked about for the round after the last.
std::optional<bool> EndsAsRecorded(const round::RunEnded& ended, const Digest& initial,
                                   const ProposedRun& recorded);
// How many rounds of the run are closed.
uint64_t RoundsClosed(const RunId& run, const standing::State& state);
// What the last closing of that round left; nullopt: this copy has none.
std::optional<round::Base> LeftBy(const RunId& run, RoundNumber round, const standing::State& state,
                                  const ledger::LogReader& copy);

}  // namespace dure::site
