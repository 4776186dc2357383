// What a run does with whole vectors: fetch, encode, upload, derive, fold back.
#include <algorithm>
#include <utility>

#include "federation/crash_point.h"
#include "federation/derivation/derivation.h"
#include "federation/error_code.h"
#include "site/run_desk.h"
#include "site/run_desk_work.h"
#include "site/update_work.h"

namespace dure::site {
namespace {

constexpr std::chrono::milliseconds kRemovalWait{50};

// The event of that entry; nullopt: it is of another kind, or not there.
template <typename Event>
std::optional<Event> Logged(uint64_t index, const ledger::LogReader& copy) {
  const auto entries = copy.Read(index, index + 1, limits::kEntryBytesMax);
  if (!entries || entries->size() != 1) return std::nullopt;
  const auto opened = ledger::ParseEntry(entries->front());
  const auto* event = opened ? std::get_if<Event>(&opened->record.event) : nullptr;
  return event == nullptr ? std::nullopt : std::optional(*event);
}

}  // namespace

Status RunDesk::Download(const std::vector<Digest>& digests) const {
  for (const Digest& digest : digests) {
    if (digest.IsZero() || shop_.store.Has(digest)) continue;
    DURE_TRY(shop_.data.Download(digest, shop_.store, shop_.stop));
  }
  return {};
}

void RunDesk::Do(const round::FetchBase& effect) {
  return effect.end ? CheckEnd(effect) : Fetch(effect);
}

void RunDesk::Fetch(const round::FetchBase& effect) {
  coming_ = effect.base;
  const std::vector<Digest> wanted = {effect.base.model, effect.base.momentum, effect.base.scales};
  const bool leaves = std::ranges::any_of(
      wanted, [this](const Digest& digest) { return shop_.removing->contains(digest); });
  if (leaves) {
    shop_.loop.At(shop_.loop.Now() + kRemovalWait, [this, alive = alive_, effect] {
      if (*alive && participation_.phase() == round::SitePhase::kFetching) Fetch(effect);
    });
    return;
  }
  Run(
      shop_.transfers, [this, wanted] { return Download(wanted); },
      [this, effect](Status fetched) {
        if (!fetched)
          shop_.say(effect.at.Text() + ": cannot fetch the model: " + fetched.error().message);
        CrashPoint("site.base-fetched");
        Feed(round::BaseFetched{effect, fetched.has_value()});
      });
}

void RunDesk::Do(const round::FetchAggregate& effect) {
  aggregate_ = effect.aggregate;
  shop_.scribe.Sync([](const Status&) {});  // the entry that the outcome is checked against
  std::erase(dropped_, effect.aggregate);
  // Only the model that comes of it need last: after a power cut it is fetched again.
  Run(
      shop_.transfers,
      [this, digest = effect.aggregate]() -> Status {
        if (shop_.store.Has(digest)) return {};
        return shop_.data.Download(digest, shop_.store, shop_.stop, nullptr,
                                   blob::Lasting::kThisBoot);
      },
      [this, at = effect.at](Status fetched) {
        if (!fetched)
          shop_.say(at.Text() + ": cannot fetch the aggregate: " + fetched.error().message);
        CrashPoint("site.aggregate-fetched");
        Feed(round::AggregateFetched{at, fetched.has_value()});
      });
}

void RunDesk::Do(const round::EncodeUpdate& effect) {
  // Before anything is made that may be called the same.
  if (leaves_soon_) RemoveLeaving();
  if (manifest_.privacy.noisy()) return EncodeNoised(effect);
  if (manifest_.masked()) return masking_.Encode(effect);
  const uint64_t turn = ++encode_turn_;
  auto work = [this, effect, manifest = manifest_] {
    codec::Work pace;
    pace.threads = shop_.threads;
    return EncodeContribution(effect, manifest, shop_.site, folder_, shop_.store, pace);
  };
  Run(shop_.compute, work, [this, effect, turn](Result<ContributionMade> made) {
    if (turn != encode_turn_) return;
    if (!made) return NotEncoded(effect, made.error());
    const RoundNumber round = effect.round;
    roomless_encodings_ = 0;
    CrashPoint("site.encoded");
    Feed(round::Encoded{round, made->blob, made->weight, made->saturated, made->norm, made->lanes});
  });
}

// A disk that has no room at the end of a training may have some soon: hours of work wait for that.
void RunDesk::NotEncoded(const round::EncodeUpdate& effect, const Error& error) {
  const auto fault = FaultOf(error, effect, manifest_, folder_, shop_.store);
  shop_.say("round " + std::to_string(effect.round.value) +
            ": the update cannot be encoded: " + error.message);
  if (fault == round::EncodeFault::kRoom && ++roomless_encodings_ < kRoomlessMax) {
    shop_.loop.At(shop_.loop.Now() + kRoomRetry,
                  [this, alive = alive_, effect, turn = encode_turn_] {
                    if (!*alive || turn != encode_turn_ || participation_.folding()) return;
                    if (participation_.phase() == round::SitePhase::kEncoding) Do(effect);
                  });
    return;
  }
  roomless_encodings_ = 0;
  Feed(round::EncodeFailed{effect.round, CodeWord(error.code), fault});
}

void RunDesk::Do(const round::UploadBlob& effect) {
  if (HoldsBack(effect)) return;
  if (const Status charged = ChargeUpdate(); !charged) {
    shop_.say(participation_.at().Text() + ": nothing leaves: " + charged.error().message);
    shop_.loop.Post([this, alive = alive_, effect] {
      if (*alive) Feed(round::UploadFailed{effect.round, effect.blob});
    });
    return;
  }
  const bool is_new = std::exchange(new_blob_, std::nullopt) == effect.blob;
  auto work = [this, effect, is_new]() -> Status {
    DURE_ASSIGN(const auto reader, shop_.store.Open(effect.blob));
    const auto watch = [](const auto&) { CrashPoint("site.mid-upload"); };
    return is_new ? shop_.data.UploadNew(*reader, shop_.stop, watch)
                  : shop_.data.Upload(*reader, shop_.stop, watch);
  };
  Run(shop_.transfers, work, [this, effect](Status uploaded) {
    if (uploaded) {
      CrashPoint("site.uploaded");
      if (manifest_.masked()) masking_.Uploaded(effect.blob);
      Feed(round::UploadDone{effect.round, effect.blob});
      return;
    }
    shop_.say("round " + std::to_string(effect.round.value) +
              ": upload failed: " + uploaded.error().message);
    Feed(round::UploadFailed{effect.round, effect.blob});
  });
}

// The record first: work on a dataset that was withdrawn may not be folded back, and the
// withdrawal that took this work out of its round may be what the copy still lacks.
void RunDesk::Do(const round::FoldBack& effect) {
  shop_.scribe.Sync([this, alive = alive_, effect](const Status& synced) {
    if (!*alive) return;
    if (synced || synced.error().code == ErrorCode::kCorrupt) return Fold(effect);
    shop_.loop.At(shop_.loop.Now() + std::chrono::seconds(1), [this, alive, effect] {
      if (*alive && participation_.folding()) Do(effect);
    });
  });
}

void RunDesk::Fold(const round::FoldBack& effect) {
  if (manifest_.privacy.noisy()) {  // nothing is carried from round to round
    shop_.loop.Post([this, alive = alive_, to = effect.residual_to] {
      if (*alive) Feed(round::Folded{to});
    });
    return;
  }
  Run(
      shop_.compute,
      [this, effect] {
        CrashPoint("site.before-fold");
        return FoldUpdate(effect, folder_, shop_.store);
      },
      [this, effect](Status folded) {
        CrashPoint("site.folded");
        if (folded) {
          Feed(round::Folded{effect.residual_to});
          return;
        }
        const ErrorCode code = folded.error().code;
        if (code != ErrorCode::kExhausted && code != ErrorCode::kUnavailable) {
          const bool lost =
              IsResidualLost(effect.residual_from, effect.base.model, folder_, shop_.store);
          shop_.say("LOST: the update that was not counted" +
                    std::string(lost ? ", and what was left of earlier ones: " : ": ") +
                    folded.error().message);
          return Feed(round::FoldFailed{effect.residual_to, lost});
        }
        shop_.say("the update that was not counted cannot be kept yet: " + folded.error().message);
        shop_.loop.At(shop_.loop.Now() + std::chrono::seconds(5), [this, alive = alive_, effect] {
          if (*alive && participation_.folding()) Do(effect);
        });
      });
}

void RunDesk::Do(const round::DeriveModel& effect) {
  aggregate_ = effect.outcome.aggregate;
  coming_ = effect.outcome.next;
  auto work = [this, effect]() -> Result<std::pair<round::Base, Seen>> {
    codec::Work pace;
    pace.threads = shop_.threads;
    const round::Outcome& outcome = effect.outcome;
    const derivation::Step step{outcome.base, outcome.aggregate,
                                static_cast<uint32_t>(outcome.counted.size()), outcome.weight_sum};
    blob::BlobStore& store = shop_.store;
    DURE_ASSIGN(const round::Base next,
                derivation::DeriveNext(step, effect.manifest, store, folder_.dir().string(), pace));
    // Before anybody is accused: what was derived from is what was asked for.
    if (next != outcome.next) DURE_TRY(store.Scrub(outcome.aggregate));
    DURE_ASSIGN(const auto model, store.Open(next.model));
    DURE_ASSIGN(const auto shape, derivation::ShapeOf(model->bytes()));
    DURE_ASSIGN(const auto growth, derivation::GrowthOf(outcome.base, next, effect.manifest,
                                                        shape.parameter_count, store));
    return std::pair(next, Seen{shape.parameter_count, growth});
  };
  Run(shop_.compute, work, [this, effect](const Result<std::pair<round::Base, Seen>>& derived) {
    if (derived) seen_ = derived->second;
    CheckOutcome(effect, derived ? Result<round::Base>(derived->first)
                                 : Result<round::Base>(Fail(derived.error())));
  });
}

// The outcome must also be what the log says: the numbers that the model was derived from, and the
// names of what came out, stand in the round-closed entry of this site's own mirror.
void RunDesk::CheckOutcome(const round::DeriveModel& effect, Result<round::Base> derived) {
  const round::Outcome& outcome = effect.outcome;
  if (!derived) {
    shop_.say(outcome.at.Text() + ": cannot derive the model: " + derived.error().message);
    Feed(round::Derived{outcome.at, false, {}});
    return;
  }
  shop_.scribe.SyncTo(outcome.closed_index + 1, [this, alive = alive_, effect,
                                                 base = *derived](Status synced) {
    if (!*alive) return;
    const round::Outcome& said = effect.outcome;
    if (!synced) {
      shop_.say(said.at.Text() +
                ": cannot check the outcome in the log yet: " + synced.error().message);
      shop_.loop.At(shop_.loop.Now() + std::chrono::seconds(1), [this, alive, effect, base] {
        if (*alive) CheckOutcome(effect, base);
      });
      return;
    }
    const auto closed = LoggedClosing(said.closed_index, shop_.scribe.mirror());
    if (!closed || !SaysTheSame(said, effect.manifest.merge, *closed)) {
      shop_.say(said.at.Text() + ": DISSENT: the outcome is not what entry " +
                std::to_string(said.closed_index) + " of the log says");
      Feed(round::Derived{said.at, true, {}});  // whatever was derived, it is not what was recorded
      return;
    }
    if (!HasQuorum(*closed, effect.manifest)) {
      shop_.say(said.at.Text() + ": DISSENT: " + std::to_string(closed->submissions.size()) +
                " contributions were counted, and the run's quorum is " +
                std::to_string(effect.manifest.quorum));
      Feed(round::Derived{said.at, true, {}});
      return;
    }
    if (TooMuchWasCut(effect, *closed)) {
      shop_.say(said.at.Text() +
                ": DISSENT: more of what was summed was cut at its bounds than the run takes");
      Feed(round::Derived{said.at, true, {}});
      return;
    }
    if (!JudgeSum(effect, *closed, base)) return;
    const Status kept = KeepReceiptOfOutcome(shop_.dir / "receipts", said, shop_.site,
                                             shop_.scribe.mirror(), shop_.scribe.verifier());
    if (!kept) {
      shop_.say(said.at.Text() + ": cannot keep the receipt yet: " + kept.error().message);
      shop_.loop.At(shop_.loop.Now() + std::chrono::seconds(1), [this, alive, effect, base] {
        if (*alive) CheckOutcome(effect, base);
      });
      return;
    }
    if (base != said.next) shop_.say(said.at.Text() + ": DISSENT: this site derives another model");
    LookAtSum(said, *closed);
    aggregate_ = {};
    dropped_.push_back(said.aggregate);
    CrashPoint("site.derived");
    Feed(round::Derived{said.at, true, base});
  });
}

// This site's own look: nobody needs to tell it what is odd about a sum.
void RunDesk::LookAtSum(const round::Outcome& said, const ledger::RoundClosed& closed) {
  const auto growth = growths_.Take(said.at.round, seen_.growth);
  const auto saturated = closed.sums ? std::optional(closed.sums->saturated_lanes) : std::nullopt;
  const std::string alarm =
      derivation::AlarmOf(growth, saturated, seen_.parameters, said.counted.size());
  if (!alarm.empty()) shop_.say(said.at.Text() + ": ALARM: " + alarm);
}

bool RunDesk::JudgeSum(const round::DeriveModel& effect, const ledger::RoundClosed& closed,
                       const round::Base& base) {
  if (!effect.manifest.masked()) return true;
  const round::Outcome& said = effect.outcome;
  const auto judged = masking_.Judge(said, closed);
  if (judged == MaskingDesk::Judgement::kHolds) return true;
  if (judged == MaskingDesk::Judgement::kDissent) {
    shop_.say(said.at.Text() + ": DISSENT: the sum is not the one that this site checked");
    Feed(round::Derived{said.at, true, {}});
    return false;
  }
  masking_.Resume();
  shop_.loop.At(shop_.loop.Now() + std::chrono::seconds(1), [this, alive = alive_, effect, base] {
    if (*alive) CheckOutcome(effect, base);
  });
  return false;
}

bool RunDesk::TooMuchWasCut(const round::DeriveModel& effect,
                            const ledger::RoundClosed& closed) const {
  if (effect.manifest.saturation_limit == 0) return false;  // nobody asks what the entries say
  const auto saturated = SaturatedIn(closed, shop_.scribe.mirror());
  return effect.manifest.Oversaturated(saturated, seen_.parameters * closed.submissions.size());
}

std::optional<ledger::RoundClosed> LoggedClosing(uint64_t index, const ledger::LogReader& copy) {
  return Logged<ledger::RoundClosed>(index, copy);
}

bool HasQuorum(const ledger::RoundClosed& closed, const round::RunManifest& manifest) {
  return closed.submissions.size() >= manifest.quorum;
}

uint64_t SaturatedIn(const ledger::RoundClosed& closed, const ledger::Mirror& mirror) {
  if (closed.sums) return closed.sums->saturated_lanes;
  uint64_t saturated = 0;
  for (const ledger::CountedSubmission& one : closed.submissions) {
    const auto said = Logged<ledger::ContributionSubmitted>(one.submission, mirror);
    if (said) saturated += said->saturated_lanes;
  }
  return saturated;
}

bool SaysTheSame(const round::Outcome& outcome, const round::MergeRule& rule,
                 const ledger::RoundClosed& closed) {
  if (closed.merge != rule.Recorded()) return false;
  if (closed.at != ledger::RoundAttempt{outcome.at.run, outcome.at.round, outcome.at.attempt} ||
      closed.aggregate != outcome.aggregate || closed.model != outcome.next.model ||
      closed.momentum != outcome.next.momentum || closed.scales != outcome.next.scales ||
      closed.submissions.size() != outcome.counted.size()) {
    return false;
  }
  uint64_t weight_sum = 0;
  for (size_t i = 0; i < outcome.counted.size(); ++i) {
    const ledger::CountedSubmission& logged = closed.submissions[i];
    const round::Counted& said = outcome.counted[i];
    if (logged.site != said.site || logged.weight != said.weight ||
        logged.submission != said.submission)
      return false;
    weight_sum += logged.weight;
  }
  return outcome.weight_sum == (closed.sums ? closed.sums->weight : weight_sum);
}

}  // namespace dure::site
