// What a plan, and the end of a run, is held against before anything is made of it: the site's own
// copy of the record.
#include "site/run_desk.h"

namespace dure::site {
namespace {

constexpr std::chrono::seconds kRecordRetry{2};

}  // namespace

void RunDesk::Object(const round::RoundAttempt& at, const std::string& objection) {
  shop_.loop.Post([this, alive = alive_, at, objection] {
    if (*alive) Feed(round::Decided{at, false, objection, {}});
  });
}

// What the site decides about must be what everybody can read in the record.
void RunDesk::CheckRecord(const round::DecideLocally& effect) {
  shop_.scribe.FindRun(
      run_, effect.plan.at.round,
      [this, alive = alive_, effect](Result<std::optional<ProposedRun>> found) {
        if (!*alive || participation_.phase() != round::SitePhase::kDeciding) return;
        const round::RoundAttempt& at = effect.plan.at;
        if (found) {
          const ProposedRun* recorded = *found ? &**found : nullptr;
          auto objection = RecordObjection(effect.manifest, recorded);
          if (!objection) objection = recorded->not_now;
          if (objection) {
            shop_.say(at.Text() + ": REFUSED: nothing is trained: " + objection->text);
            return Object(at, objection->code);
          }
          recorded_epsilon_ = recorded->Field("privacyEpsilon");
          return CheckBase(effect, *recorded);
        }
        shop_.say(at.Text() + ": cannot read the record yet: " + found.error().message);
        if (found.error().code == ErrorCode::kCorrupt) return Object(at, "record-refused");
        RecordAgain(round::SitePhase::kDeciding, [this, effect] { CheckRecord(effect); });
      });
}

// A site that was told another base than its record has would train, and be summed, on top of
// whatever somebody made up.
void RunDesk::CheckBase(const round::DecideLocally& effect, const ProposedRun& recorded) {
  const round::RoundAttempt& at = effect.plan.at;
  const auto holds = StartsAsRecorded(effect.plan, effect.manifest, recorded);
  if (holds && *holds) return PrepareFiles(effect);
  if (holds) {
    shop_.say(at.Text() + ": DISSENT: the plan starts from model " +
              effect.plan.base.model.Hex().substr(0, 16) +
              "..., which is not what the record's last closing left");
    return Object(at, "base-not-as-recorded");
  }
  shop_.say(at.Text() + ": the closing of the round before is not in the record yet");
  RecordAgain(round::SitePhase::kDeciding, [this, effect] { CheckRecord(effect); });
}

void RunDesk::RecordAgain(round::SitePhase phase, std::function<void()> check) {
  shop_.loop.At(shop_.loop.Now() + kRecordRetry,
                [this, alive = alive_, phase, check = std::move(check)] {
                  if (*alive && participation_.phase() == phase) check();
                });
}

// The last model of a run is what everybody can read of it in the record, too.
void RunDesk::CheckEnd(const round::FetchBase& effect) {
  const round::RunEnded ended = *effect.end;
  shop_.scribe.FindRun(
      run_, RoundNumber{ended.rounds},
      [this, alive = alive_, effect, ended](Result<std::optional<ProposedRun>> found) {
        if (!*alive || participation_.phase() != round::SitePhase::kFetching) return;
        if (participation_.ended() != ended) return;
        if (found && !*found) return Feed(round::EndRefused{false});  // ended before it was on it
        const Digest initial = participation_.manifest().initial_model;
        const auto holds = found ? EndsAsRecorded(ended, initial, **found) : std::nullopt;
        if (holds && *holds) return Fetch(effect);
        const bool lies = holds || (!found && found.error().code == ErrorCode::kCorrupt);
        if (lies) {
          shop_.say(effect.at.Text() + ": DISSENT: the aggregator ends it after " +
                    std::to_string(ended.rounds) + " rounds with model " +
                    ended.last.model.Hex().substr(0, 16) +
                    "..., which is not where the record has it; the model held stays");
          return Feed(round::EndRefused{true});
        }
        shop_.say(effect.at.Text() +
                  (found ? ": its last closing is not in the record yet"
                         : ": cannot read the record yet: " + found.error().message));
        RecordAgain(round::SitePhase::kFetching, [this, effect] {
          if (participation_.ended() == effect.end) CheckEnd(effect);
        });
      });
}

}  // namespace dure::site
