// What the aggregator says of a round's admissions is held against this site's own copy of the
// record: before anything is trained, and once more before anything leaves.
#include <utility>

#include "federation/crash_point.h"
#include "policy/standing/voting.h"
#include "site/record_check.h"
#include "site/run_desk.h"

namespace dure::site {
namespace {

constexpr size_t kHeldMax = 64;  // all that is said of a run within one look at the record

}  // namespace

// What comes behind a roster that is looked up waits, so that the two keep their order. What does
// not find room is lost as on the wire, and is said again.
bool RunDesk::Holds(const round::SiteEvent& event) {
  const auto* said = std::get_if<round::FromAggregator>(&event);
  if (said == nullptr) return false;
  if (looking_up_) {
    if (held_.size() < kHeldMax) held_.push_back(*said);
    return true;
  }
  const auto* roster = std::get_if<round::Roster>(&said->message);
  if (roster == nullptr || !participation_.IsOfThisRound(*roster)) return false;
  looking_up_ = true;
  shop_.scribe.SyncTo(SizeFor(*roster),
                      [this, alive = alive_, roster = *roster](const Status& synced) {
                        if (!*alive) return;
                        looking_up_ = false;
                        TakeRoster(roster, synced);
                        for (const auto& each : std::exchange(held_, {})) Feed(each);
                      });
  CrashPoint("site.roster-heard", roster->at.Text());
  return true;
}

void RunDesk::TakeRoster(const round::Roster& roster, const Status& synced) {
  if (!synced && synced.error().code != ErrorCode::kCorrupt) {
    // It is asked for again, and comes again.
    return SayOfRoster(roster.at, "cannot look up the roster yet: " + synced.error().message);
  }
  std::optional<NotHeld> objection;
  if (!synced) objection = NotHeld{"record-refused", synced.error().message};
  bool over = false;
  shop_.scribe.WithStanding([&](const standing::Auditor& own) {
    over = IsOver(own.standing().state(), roster.at);
    if (objection || over) return;
    objection = RosterObjection(own.standing(), roster, shop_.site,
                                rules::Instant::At(shop_.loop.WallNow()));
  });
  if (over && !objection) return;  // what became of the round is on its way
  if (!objection) return FeedNow(round::FromAggregator{roster});
  SayOfRoster(roster.at, "REFUSED: nothing is trained: " + objection->text);
  Feed(round::RoundRefused{roster.at, objection->code, /*rostered=*/true});
}

void RunDesk::SayOfRoster(const round::RoundAttempt& at, const std::string& what) {
  const std::string line = at.Text() + ": " + what;
  if (std::exchange(said_of_roster_, line) != line) shop_.say(line);
}

bool RunDesk::KeepsBack(const round::RoundAttempt& at, const round::OfferedDataset& offered) const {
  bool no = false;
  std::vector<rules::Reason> reasons;
  shop_.scribe.WithStanding([&](const standing::Auditor& own) {
    const standing::State& state = own.standing().state();
    const auto dataset = state.datasets.find(offered.dataset);
    no = dataset != state.datasets.end() && standing::OwnerSaidNo(state, at.run, dataset->second);
    if (!IsInOlderWords(state)) return;
    reasons = OwnRefusal(own.standing(), {{at.run, at.round, at.attempt},
                                          shop_.site,
                                          {offered.dataset, offered.version},
                                          rules::Instant::At(shop_.loop.WallNow())});
  });
  if (no) {
    shop_.say(at.Text() + ": this member voted no to the run, so " + offered.dataset.str() +
              " stays out of it (terms:" + offered.dataset.str() + "#vote)");
  } else if (!reasons.empty()) {
    shop_.say(at.Text() + ": " + offered.dataset.str() + " stays out of it (" +
              reasons.front().rule + "): " + reasons.front().because.en);
  }
  return !reasons.empty();
}

std::optional<NotHeld> RunDesk::WhyHeldBack() const {
  std::optional<NotHeld> objection;
  shop_.scribe.WithStanding([&](const standing::Auditor& own) {
    objection = LeavingObjection(
        own.standing().state(),
        {participation_.at(), shop_.site, participation_.trained_on(), participation_.rostered()});
  });
  return objection;
}

// A copy that was lost, and is being fetched anew, is brought up to the head first.
bool RunDesk::HoldsBack(const round::UploadBlob& effect) {
  if (!WhyHeldBack()) return false;
  shop_.scribe.Sync([this, alive = alive_, effect](const Status& synced) {
    if (!*alive || participation_.phase() != round::SitePhase::kUploading) return;
    if (participation_.contribution() != effect.blob) return;
    const auto objection = WhyHeldBack();
    if (!objection) return Do(effect);
    const bool refused = synced || synced.error().code == ErrorCode::kCorrupt;
    shop_.say(participation_.at().Text() + ": " + (refused ? "REFUSED: " : "") +
              "nothing leaves: " + objection->text);
    if (!refused) return Feed(round::UploadFailed{effect.round, effect.blob});
    Feed(round::RoundRefused{participation_.at(), objection->code});
  });
  return true;
}

}  // namespace dure::site
