// Whether a contribution may be counted: what its run and its policies ask of it, beyond that its
// data was admitted. The aggregator asks before it takes a contribution, and every site when it
// replays the entry: one that does not hold is void, and a round that counts it is a dissent.
//
// What is judged is what the site signed: code, steps, tokens, norm. The aggregator compares the
// norm with the update itself; of the others a signature is all there is. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/rules/decision.h"
#include "policy/standing/standing.h"

namespace dure::standing {

// From this version of the words on one contribution counts for one site (counts-twice). What is
// submitted stands in the record for everybody to read: whoever names it too has done no work, and
// has whoever did it counted twice.
inline constexpr uint32_t kCountsOnceSince = 6;
// The submission of another site that has those bytes in this round, and was there before entry
// `before`; nullptr: there is none.
const Submission* SameOfAnother(const Round& round, const SiteId& site, const Digest& contribution,
                                uint64_t before);
// The same of a submission that is on record and is not void.
const Submission* SameOfAnother(const Round& round, uint64_t submission);
// Of submissions that would be counted together, the first that has the bytes of another site's,
// and that one before it; nullopt: there is none. What is void is no submission.
struct SameBytes {
  const Submission* first = nullptr;
  const Submission* again = nullptr;
};
std::optional<SameBytes> CountedTwice(const Round& round, const std::vector<uint64_t>& submissions);
// Why no sum is to be made of these, though each has its receipt, as a code; empty: nothing stands
// against it. Data of one may have been withdrawn since. And a build before kCountsOnceSince gave
// two sites a receipt for the same bytes: once anything is said in newer words, a closing that
// counts both is a lie.
std::string_view WhyNotMerged(const State& state, const RoundAttempt& at,
                              const std::vector<uint64_t>& submissions);

// From this version of the words on an update that is merged by direction and norm weighs what its
// length makes it, and not one: nothing else that such a site signs could be counted.
inline constexpr uint32_t kDirectionsCountSince = 5;

struct CountingBreach {
  std::string rule;  // a code: "other-code", "weight", "not-countable"
  std::string text;
  std::string due;  // the decision, where a policy says no
};
// REQUIRES: its datasets were admitted to this round, and are of this record.
std::optional<CountingBreach> WhyNotCounted(const Standing& standing, const Round& round,
                                            const ledger::ContributionSubmitted& said);

// The decision that would keep it from being counted with `proposal` in the place of the policy of
// its name, or beside the others; nullopt: none would. REQUIRES: as above. kInvalid: the proposal
// and what stays have two rules of one name.
Result<std::optional<rules::Decision>> RefusalWith(const Standing& standing, const Round& round,
                                                   const ledger::ContributionSubmitted& said,
                                                   const rules::PolicyDocument& proposal);

}  // namespace dure::standing
