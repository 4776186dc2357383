#include "policy/standing/clocks.h"

#include <algorithm>

#include "policy/standing/reading.h"

namespace dure::standing {
namespace {

WallTime At(rules::Instant time) { return WallTime(std::chrono::seconds(time.seconds)); }

}  // namespace

Result<std::optional<Finding>> CompareClocks(const ledger::LogReader& log, uint64_t from,
                                             const Standing& standing, const Clocks& clocks) {
  const uint64_t size = log.Head().head.size;
  const WallTime future = clocks.now + kClockDifferenceMax;
  // The aggregator's times only rise, so the latest tells whether anything is to be looked for.
  const bool ahead = At(standing.latest()) > future;
  const bool behind = clocks.seen && At(standing.latest()) < *clocks.seen - kClockDifferenceMax;
  std::optional<Finding> finding;
  if (from >= size || (!ahead && !behind)) return finding;
  uint64_t index = from;
  DURE_TRY(ForEachEntry(log, from, size, [&](const ledger::OpenedEntry& entry) {
    const uint64_t at = index++;
    const auto said = rules::Instant::Parse(entry.record.occurred_at);
    if (finding || !said || entry.record.actor.role != ledger::Role::kAggregator) return;
    if (ahead && At(*said) <= future) return;
    const std::string here =
        ahead ? ", and here it is " + FormatRfc3339(clocks.now)
              : ", and the entry was not there yet at " + FormatRfc3339(*clocks.seen);
    finding = Finding{at,
                      ledger::TypeOf(entry.record.event),
                      true,
                      kClockRule,
                      "the aggregator says that it is " + said->ToText() + here,
                      ""};
  }));
  return finding;
}

Result<ClockWatch::Judged> ClockWatch::Look(const ledger::LogReader& log, uint64_t from,
                                            const Standing& standing, const OwnClock& clock) {
  from = std::min(from, waits_from_.value_or(from));
  Judged judged;
  DURE_ASSIGN(judged.finding, CompareClocks(log, from, standing, {clock.now, seen_}));
  if (judged.finding && clock.set_by != Duration::zero()) {
    Clocks set{clock.now + clock.set_by, seen_};
    // A time that was too late then is so much earlier now; one that stood still stays as it was.
    if (set.seen) *set.seen += std::min(clock.set_by, Duration::zero());
    DURE_ASSIGN(const auto still, CompareClocks(log, from, standing, set));
    if (!still) {
      seen_ = set.seen;
      judged = {std::nullopt, false, true};
    }
  }
  if (!judged.finding) {
    waits_from_.reset();
    return judged;
  }
  if (!clock.up) return judged;
  if (!waits_from_) waits_since_ = *clock.up;
  waits_from_ = from;
  judged.waits = clock.set_by != Duration::zero() || *clock.up - waits_since_ < kClockPatience;
  return judged;
}

}  // namespace dure::standing
