// What this site's own copy of the record says of a run and of its data, asked before anything is
// trained and before anything leaves (docs/decisions/0026). The aggregator's word is not asked.
//
// Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "federation/identity/domicile.h"
#include "federation/round/messages.h"
#include "policy/standing/admission.h"

namespace dure::site {

struct NotHeld {
  std::string code;  // what the aggregator is told: "run-not-approved"
  std::string text;  // what this site's log says besides
};

// Whether rounds of it may be trained: it was approved and has not ended.
std::optional<NotHeld> RunObjection(const standing::State& state, const RunId& run);

// Whether the round is open on this copy with this site in its cohort, and each dataset that the
// roster names admitted to it by the very entry, in force; and by this site's own decision, in its
// own words. REQUIRES: the copy holds the entries that the roster names.
std::optional<NotHeld> RosterObjection(const standing::Standing& own, const round::Roster& roster,
                                       const SiteId& site, rules::Instant now);
// Whether the copy has the round closed or given up.
bool IsOver(const standing::State& state, const round::RoundAttempt& at);
// The size of a copy that holds what a roster names.
uint64_t SizeFor(const round::Roster& roster);

// What of this site may leave it: `trained` on, in work for the attempt `at`, or for one of the
// same round before it if `rostered` is not there yet.
struct Leaving {
  round::RoundAttempt at;
  SiteId site;
  std::vector<round::OfferedDataset> trained;
  bool rostered = false;
};
std::optional<NotHeld> LeavingObjection(const standing::State& state, const Leaving& what);

// Why this site, deciding by its own copy in its own words, would not train on a dataset in a
// round; empty: it would.
std::vector<rules::Reason> OwnRefusal(const standing::Standing& own,
                                      const standing::AdmissionRequest& request);
// What the record says of where the member stands, if that is not what this seat was invited as:
// votes and terms go by it. Empty: it is, or nothing is said yet.
std::string DomicileObjection(const standing::State& state, const MemberId& member,
                              const identity::Domicile& invited);
// What the record says of a key that is not this site's: that it speaks, or has ended, for this
// site's member, or for another one under this site's name. Empty: it concerns others.
struct OwnSeat {
  MemberId member;
  SiteId site;
};
std::string KeyNotice(const PublicKey& key, const standing::Speaker& speaker, const OwnSeat& own);
// Whether an aggregator that decides as the log's newest decisions were made may admit what this
// build refuses.
bool IsInOlderWords(const standing::State& state);

}  // namespace dure::site
