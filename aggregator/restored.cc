// After `dure ledger heal`: the record has entries that this aggregator wrote in a life of which
// nothing else is left. What they were made of (contributions, sums, models) is gone, so the runs
// that they speak of end here, and the record says so. What is noted is where the healed entries
// stand; every start looks again, and ends nothing twice.
#include <algorithm>
#include <charconv>
#include <utility>

#include "aggregator/daemon_state.h"
#include "federation/canonical.h"
#include "federation/limits.h"
#include "federation/round/kept.h"
#include "policy/ledger/report.h"

namespace dure::aggregator {
namespace {

constexpr std::chrono::seconds kHaltAgain{1};
constexpr size_t kPageBytes = size_t{4} << 20;

// The runs that entries [begin, end) speak of.
Result<std::set<RunId>> RunsIn(const ledger::LogReader& log, uint64_t begin, uint64_t end) {
  std::set<RunId> runs;
  while (begin < end) {
    DURE_ASSIGN(const std::vector<Bytes> page, log.Read(begin, end, kPageBytes));
    for (const Bytes& bytes : page) {
      const auto entry = ledger::ParseEntry(bytes);
      const auto run = entry ? RunId::Parse(ledger::RunOf(entry->record.event))
                             : Result<RunId>(Fail(entry.error()));
      if (run) runs.insert(*run);
      ++begin;
    }
  }
  return runs;
}

uint64_t RoundsOf(const standing::Run& run) {
  const auto field = run.fields.find("rounds");
  if (field == run.fields.end()) return UINT64_MAX;
  uint64_t rounds = UINT64_MAX;
  const char* end = field->second.data() + field->second.size();
  const auto read = std::from_chars(field->second.data(), end, rounds);
  return read.ec == std::errc() && read.ptr == end ? rounds : UINT64_MAX;
}

// What the record closed last of a run, if it closed anything.
std::optional<round::Overtaken> LastClosed(const standing::State& state,
                                           const ledger::LogReader& log, const RunId& run) {
  for (auto it = state.closings.rbegin(); it != state.closings.rend(); ++it) {
    const auto& [index, at] = *it;
    if (at.run != run) continue;
    const auto bytes = log.Read(index, index + 1, limits::kEntryBytesMax);
    const auto entry = bytes ? ledger::ParseEntry(bytes->front())
                             : Result<ledger::OpenedEntry>(Fail(bytes.error()));
    const auto* closed = entry ? std::get_if<ledger::RoundClosed>(&entry->record.event) : nullptr;
    if (closed == nullptr) continue;
    const round::Base left{closed->model, closed->momentum, closed->scales};
    return round::Overtaken{at.round.value + 1, left};
  }
  return std::nullopt;
}

}  // namespace

Status Daemon::State::EndOvertakenRuns() {
  DURE_ASSIGN(const auto healed, journal->Scan("healed/"));
  for (const auto& [key, value] : healed) {
    CanonicalReader reader(value);
    const uint64_t begin = reader.U64();
    const uint64_t end = std::min(reader.U64(), record->log().Head().head.size);
    DURE_TRY(reader.Done(key));
    DURE_ASSIGN(const std::set<RunId> overtaken, RunsIn(record->log(), begin, end));
    for (const RunId& run : overtaken) {
      std::optional<round::Overtaken> last;
      bool over = false;  // as the record has it
      DURE_TRY(deliberation->WithStanding([&](const standing::Standing& now) {
        last = LastClosed(now.state(), record->log(), run);
        const auto found = now.state().runs.find(run);
        over = found == now.state().runs.end() || found->second.halted ||
               (last && last->rounds >= RoundsOf(found->second));
      }));
      const auto driver = runs.find(run);
      if (driver != runs.end() && driver->second->rounds().phase() != round::RunPhase::kEnded) {
        const round::Rounds& rounds = driver->second->rounds();
        options.say(run.str() + ": ends here, since this aggregator was restored from an older " +
                    "copy: what the record has of it since is not on this disk. Another run can " +
                    "begin from its model: dure run start --from (a site exports it)");
        driver->second->Feed(last.value_or(round::Overtaken{0, rounds.base()}));
      }
      if (!over) Halt(run, std::string(round::kOvertaken));
    }
  }
  return {};
}

void Daemon::State::Ended(const RunId& run, const std::string& reason) {
  // An end before the last round belongs on the record; what was overtaken is compared with it.
  if (reason != round::kComplete && reason != round::kOvertaken) Halt(run, reason);
  SweepUploads();
}

// Once whatever is being done is done.
void Daemon::State::SweepUploads() {
  if (std::exchange(sweeping, true)) return;
  loop->Post([this, alive = alive] {
    if (!*alive) return;
    sweeping = false;
    uploads->Sweep(OfRuns());
  });
}

std::optional<round::RunEnded> Daemon::State::EndOnRecord(const RunId& run) const {
  std::optional<round::RunEnded> ended;
  (void)deliberation->WithStanding([&](const standing::Standing& now) {
    const auto found = now.state().runs.find(run);
    if (found == now.state().runs.end()) return;
    const standing::Run& known = found->second;
    if (!known.halted && known.rounds < RoundsOf(known)) return;
    round::RunEnded end{run, known.rounds, {}, std::string(round::kComplete)};
    if (known.halted) end.reason = known.halt_reason;
    const auto last = LastClosed(now.state(), record->log(), run);
    const auto initial = known.fields.find("initialModel");
    if (known.rounds == 0 && initial != known.fields.end()) {
      const auto model = Digest::FromHex(initial->second);
      if (!model) return;
      end.last = {*model, {}, {}};
    } else if (last && last->rounds == known.rounds) {
      end.last = last->last;
    } else {
      return;
    }
    ended = std::move(end);
  });
  return ended;
}

// Only what nobody has to record any more is forgotten.
void Daemon::State::Halted(const RunId& run, const std::string& reason) {
  if (reason != round::kStateUnreadable) return;
  (void)journal->Apply(journal::Change().Erase("run/" + run.str() + "/state"));
  const auto ended = EndOnRecord(run);
  if (!ended) return;
  for (const SiteId& site : connected) (void)server->Send(site, *ended);
}

void Daemon::State::Halt(const RunId& run, std::string reason) {
  deliberation->Halt(run, reason, [this, alive = alive, run, reason](const Status& said) {
    if (!*alive) return;
    if (said || said.error().code == ErrorCode::kNotFound ||
        said.error().code == ErrorCode::kAlreadyExists) {
      return Halted(run, reason);
    }
    if (!MayPass(said.error()))
      return options.say(run.str() + ": its end is not on the record: " + said.error().message);
    loop->At(loop->Now() + kHaltAgain, [this, alive, run, reason] {
      if (*alive) Halt(run, reason);
    });
  });
}

}  // namespace dure::aggregator
