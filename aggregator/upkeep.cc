// Whether the log's file is still what was written: read back slowly, mended from members' copies,
// and told to whoever asks how the aggregator stands.
#include <nlohmann/json.hpp>

#include "aggregator/daemon_state.h"
#include "aggregator/requests.h"
#include "federation/transport/json_fields.h"

namespace dure::aggregator {

using nlohmann::json;
using transport::JsonLine;

namespace {

constexpr std::chrono::seconds kScrubStep{1};

}  // namespace

void Daemon::State::ScrubLater() {
  ledger::Scrubbing* const scrubbing = record->scrubbing();
  if (scrubbing == nullptr || options.scrub <= Duration::zero()) return;
  loop->At(loop->Now() + kScrubStep, [this, alive = alive, scrubbing] {
    if (!*alive) return;
    auto step = [scrubbing, now = loop->Now(), wall = loop->WallNow()] {
      scrubbing->Step(now, wall);
      return true;
    };
    auto again = [this, alive](bool) {
      if (*alive) ScrubLater();
    };
    if (!workers->RunThen(*loop, step, again)) ScrubLater();
  });
}

// Another member's word for an entry is as good as any: only the entry itself hashes to its leaf.
Result<std::string> Daemon::State::TakeSpare(const PeerIdentity& peer, const std::string& text) {
  DURE_ASSIGN(SpareGiven given, ParseSpare(text));
  ledger::Scrubbing* const scrubbing = record->scrubbing();
  if (scrubbing == nullptr) return Fail(ErrorCode::kInvalid, "nothing is asked for");
  DURE_TRY(scrubbing->Offer(given.index, std::move(given.entry), peer.site.str()));
  return JsonLine({{"index", given.index}});
}

Result<std::string> Daemon::State::ScrubNow() {
  if (record->scrubbing() == nullptr || options.scrub <= Duration::zero()) {
    return Fail(ErrorCode::kFailedPrecondition,
                "this aggregator reads its log back never (--scrub-hours 0)");
  }
  record->scrubbing()->Hurry();
  return ShowStatus();
}

Result<std::string> Daemon::State::ShowStatus() const {
  const ledger::SignedHead head = record->log().Head();
  const auto agreed = record->log().Agreed();
  Status may = record->guard().MayAppend();
  if (may) may = record->time().MayWrite();
  json answer = {
      {"size", head.head.size},
      {"root", head.head.root.Hex()},
      {"agreed", agreed ? agreed->head.head.size : 0},
      {"connected", connected.size()},
      {"store", {{"blobs", store->List().size()}, {"bytes", store->TotalBytes()}}},
      {"closed_because", may ? std::string() : may.error().message},
      {"issuing_ends", FormatRfc3339(authority->IssuingEnds())},
      {"issuing_notice", identity::IssuingNotice(authority->IssuingEnds(), loop->WallNow())}};
  size_t open = 0;
  for (const auto& [id, driver] : runs) {
    open += driver->rounds().phase() != round::RunPhase::kEnded ? 1 : 0;
  }
  answer["runs_open"] = open;
  const ledger::Scrubbing* const scrubbing = record->scrubbing();
  if (scrubbing == nullptr) return JsonLine(answer);
  const ledger::ScrubState state = scrubbing->state();
  answer["scrub"] = {
      {"every_seconds", std::chrono::duration_cast<std::chrono::seconds>(options.scrub).count()},
      {"readings", state.readings},
      {"last", state.last ? FormatRfc3339(*state.last) : std::string()},
      {"mended", state.mended},
      {"rotted", state.rotted}};
  return JsonLine(answer);
}

}  // namespace dure::aggregator
