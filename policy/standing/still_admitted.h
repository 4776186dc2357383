// What was admitted, asked again when it is used: a round may open long after its admissions were
// decided, and its sites train for hours after that. Pure.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "policy/standing/standing.h"

namespace dure::standing {

// From this version of the words on an admission is for the next round of its run, it must come out
// the same when its round opens and when a contribution made under it comes, and a round that is
// open uses its data as far as others are concerned: whoever writes could otherwise have all rounds
// admitted on the first day, and open them whatever was used up, forbidden or over since.
inline constexpr uint32_t kAskedAgainSince = 5;
// And only sites that the run's proposal names take part, where it names any.
inline constexpr uint32_t kInvitedHoldsSince = 5;

struct AdmissionOver {
  SiteId site;
  DatasetVersion what;
  std::string text;
  std::string due;  // the decision as it comes out now
};
// The first admission of this round by which a site of `cohort` would take part, and which does not
// come out so at this moment. REQUIRES: the run is on record.
std::optional<AdmissionOver> FindAdmissionOver(const Standing& now, const RoundAttempt& at,
                                               const std::vector<SiteId>& cohort,
                                               rules::Instant moment);
// The same of one of them.
std::optional<AdmissionOver> WhyOver(const Standing& now, const RoundAttempt& at,
                                     const Admission& admission, rules::Instant moment);

// It was taken back, or never lent.
bool IsWithdrawn(const State& state, const DatasetId& id);

// The next decision of a round. Admissions come through here, so that the one that counts is found
// without a look at all: each is asked for when it is made, at the opening and with a contribution,
// by everybody, and a round has as many as all its sites have datasets.
void Note(Round& round, Admission admission);
// The sites that any data of theirs is admitted of.
std::set<SiteId> AdmittedSites(const Round& round);
// The decision that counts for a dataset of a site, if it admits.
const Admission* AdmittedBy(const Round& round, const SiteId& site, const DatasetId& dataset);

// Other runs that go on and have a round open in which a site of its cohort uses this dataset: what
// they use is as good as used.
std::set<RunId> RunsUsingNow(const State& state, const DatasetId& dataset, const RunId& asking);

// The run's proposal names sites, and not this one.
bool IsUninvited(const Run& run, const SiteId& site);

}  // namespace dure::standing
