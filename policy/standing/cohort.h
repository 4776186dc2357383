// Who may sit in a masked cohort: the seats that the record holds, as federation/masking wants
// them. The aggregator composes a round's context from them, and each site checks it against its
// own copy. Pure; any thread.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "federation/masking/history.h"
#include "policy/standing/state.h"

namespace dure::standing {

// Every site of the consortium whose key speaks, ascending by site; of several keys of one site the
// one that was let in last. Members whose sites the run invites, in order of their names, are in
// batches of `batch_members`; what is left over belongs to the last batch, and nobody else to any
// of them: whoever enrols, or leaves the consortium, while the run goes on moves nobody. A run that
// names nobody invites all that have a seat. REQUIRES: batch_members >= 1.
std::vector<masking::Seat> SeatsOf(const State& state, const RunId& run, uint32_t batch_members);

// The sums of a run's masked rounds that are closed: over whom each was.
std::vector<masking::ReleasedSum> SumsOf(const State& state, const RunId& run);

// The same of every other run that opened a round from this model: of its rounds that began from
// it. From one model, by one seed, a site makes the same update again, so that a sum of one run,
// taken from one of the other, shows whoever was in the one alone. A run has an entry also if none
// of these rounds is closed.
using SumsByRun = std::map<RunId, std::set<masking::ReleasedSum>>;
SumsByRun SumsFrom(const State& state, const Digest& base, const RunId& other_than);

std::set<masking::ReleasedSum> SumsIn(const SumsByRun& runs);

// What whoever is refused a sum for their sake is told; empty: none has a sum.
std::string BesideText(const SumsByRun& others);

// Whom an attempt was opened with; ascending. None: it is not on the record.
std::vector<SiteId> CohortOf(const State& state, const RoundAttempt& at);

// How many attempts at rounds of a run were opened.
uint64_t AttemptsOf(const State& state, const RunId& run);

}  // namespace dure::standing
