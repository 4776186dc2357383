// Outcomes that are due and not recorded. The aggregator writes them, and whoever writes could
// wait: for the end of a window, for another outcome that makes this one pointless, for ever. So
// each is due since a moment of the record, they are recorded in that order, and past a grace
// nothing else may be recorded before them. Pure.
#pragma once

#include <optional>
#include <vector>

#include "policy/standing/standing.h"

namespace dure::standing {

inline constexpr uint32_t kOutcomesAreDueSince = 5;
// An aggregator that begins again settles votes before this is over, whatever it was down for: the
// time counts from its first entry at which the outcome was due.
inline constexpr int64_t kOutcomeGraceSeconds = 30 * 60;
// That entry may have been its last before it died, or before its disk was full. Where it then said
// nothing for longer than the grace it recorded nothing else before the outcome either, and the
// grace begins anew; so often, since one whose rounds take longer than the grace is as silent while
// its sites train, and would have it for ever.
inline constexpr uint32_t kGraceAnewMax = 3;

struct DueVote {
  uint64_t proposal = 0;
  rules::Instant since;  // by the aggregator's entries: what the grace is counted from
  auto operator<=>(const DueVote&) const = default;
};
// Those that have an outcome at this moment, in the order in which they are to be recorded: the one
// that was due first, by the entry of anybody with which it was, and of several at one entry the
// one that was proposed first. By the aggregator's entries alone whoever writes would choose: the
// votes of two may both be cast between two of them.
std::vector<DueVote> DueVotes(const Standing& now, rules::Instant at);
// Due for longer than the grace, in a log of these words: nothing else may be recorded.
bool IsOverdue(const Standing& now, const DueVote& due, rules::Instant at);

}  // namespace dure::standing
