// The effects of a run that are small; training is in run_training.cc, whole vectors in
// run_vectors.cc.
#include "site/run_desk.h"

#include <algorithm>
#include <utility>

#include "federation/canonical.h"
#include "federation/codec/files.h"
#include "federation/crash_point.h"
#include "federation/derivation/derivation.h"
#include "site/run_desk_work.h"

namespace dure::site {
namespace {

constexpr std::chrono::seconds kDiskRetry{1};
// Freeing hundreds of megabytes holds up whoever writes to that disk: not while a round closes.
constexpr std::chrono::milliseconds kLeavingAfter{300};

Bytes BytesOf(const round::PublishModel& effect) {
  return CanonicalWriter()
      .U64(effect.rounds.value)
      .Raw32(effect.base.model)
      .Raw32(effect.base.momentum)
      .Raw32(effect.base.scales)
      .Take();
}

round::Base BaseIn(ByteView published) {
  CanonicalReader reader(published);
  reader.U64();
  round::Base base;
  base.model = reader.Raw32();
  base.momentum = reader.Raw32();
  base.scales = reader.Raw32();
  return base;
}

}  // namespace

RunDesk::RunDesk(Workshop& shop, const RunId& run, round::Participation participation)
    : shop_(shop),
      run_(run),
      folder_(shop.dir, run),
      participation_(std::move(participation)),
      masking_(shop, folder_, participation_,
               [this](const round::SiteEvent& event) { Feed(event); }),
      queue_(shop.loop,
             {[this](const round::SiteEffect& effect) { return Perform(effect); },
              [this] {
                shop_.say(run_.str() + ": the disk does not take the run's state; trying again");
              },
              {}}),
      sent_before_(shop.data.bytes_sent()),
      received_before_(shop.data.bytes_received()) {
  folder_.MakeReady();
  if (const auto kept = shop.journal.Get(Key("manifest")); kept && *kept) {
    if (auto manifest = round::RunManifest::Parse(**kept)) manifest_ = std::move(*manifest);
  }
}

RunDesk::RunDesk(Workshop& shop, const RunId& run)
    : RunDesk(shop, run, round::Participation(shop.site, run)) {}

Result<std::unique_ptr<RunDesk>> RunDesk::Restore(Workshop& shop, const RunId& run,
                                                  ByteView state) {
  DURE_ASSIGN(auto participation, round::Participation::Load(state));
  auto desk = std::unique_ptr<RunDesk>(new RunDesk(shop, run, std::move(participation)));
  DURE_TRY(desk->masking_.Restore());
  return desk;
}

RunDesk::~RunDesk() { *alive_ = false; }

std::string RunDesk::Key(std::string_view what) const { return folder_.JournalKey(what); }

std::string RunDesk::TrainedKey(RoundNumber round) const {
  return Key("trained/" + std::to_string(round.value));
}

bool RunDesk::Needs(const Digest& blob) const {
  const auto is_of = [&blob](const round::Base& base) {
    return blob == base.model || blob == base.momentum || blob == base.scales;
  };
  return is_of(participation_.base()) || is_of(coming_) || blob == aggregate_;
}

void RunDesk::Start() {
  // Of the round before, too, a sum may still be checked with its lanes.
  const uint64_t round = participation_.at().round.value;
  auto sweep = [left = folder_.LeftoversBefore({round > 0 ? round - 1 : 0})] {
    std::error_code ignored;
    for (const auto& path : left) std::filesystem::remove_all(path, ignored);
  };
  std::error_code ignored;
  std::filesystem::remove(folder_.base(), ignored);
  (void)shop_.compute.Run(sweep);  // before anything that this life makes
  RemoveFilesOfEnded();
  FinishPublishing();
  RemoveLeaving();
  masking_.Resume();
  Feed(round::SiteStarted{});
}

void RunDesk::Feed(const round::SiteEvent& event) {
  if (!Holds(event)) FeedNow(event);
}

void RunDesk::FeedNow(const round::SiteEvent& event) {
  // Before the submission that it belongs to.
  if (std::holds_alternative<round::LinkUp>(event)) masking_.Resume();
  // What was trained in a life before this one may have been encoded and offered there, too.
  const auto* made = std::get_if<round::Encoded>(&event);
  if (made != nullptr && training_turn_ > 0) new_blob_ = made->blob;
  queue_.Push(participation_.Handle(shop_.loop.Now(), event));
  masking_.Look();
  const round::SitePhase phase = participation_.phase();
  if (phase != round::SitePhase::kDeriving && !leaves_soon_) RemoveDropped();
  if (phase != round::SitePhase::kSigning && phase != round::SitePhase::kSubmitted) GivePenBack();
}

bool RunDesk::Perform(const round::SiteEffect& effect) {
  if (std::holds_alternative<round::PersistSite>(effect)) {
    CrashPoint("site.before-persist");
    const bool kept = KeepState();
    CrashPoint("site.after-persist");
    return kept;
  }
  if (const auto* tell = std::get_if<round::Tell>(&effect)) {
    CrashPoint("site.before-tell", round::KindName(tell->message));
    shop_.send(AsSaid(tell->message));
    CrashPoint("site.after-tell", round::KindName(tell->message));
  } else if (const auto* commit = std::get_if<round::CommitResidual>(&effect)) {
    CrashPoint("site.before-residual-kept");
    for (auto& gone : folder_.ResidualsBut(commit->current, commit->former)) {
      scraps_.push_back(std::move(gone));
    }
    CrashPoint("site.residual-kept");
  } else if (const auto* announce = std::get_if<round::AnnounceSite>(&effect)) {
    if (announce->phase == round::SitePhase::kEnded || announce->phase == round::SitePhase::kLeft) {
      shop_.privacy.Close(run_);
    }
    SendStatus();
    shop_.say(announce->at.Text() + ": " + std::string(Name(announce->phase)) +
              (announce->text.empty() ? "" : " (" + announce->text + ")"));
  } else {
    std::visit(
        [this](const auto& work) {
          if constexpr (requires { this->Do(work); }) this->Do(work);
        },
        effect);
  }
  return true;
}

// The state already holds the model that a later effect publishes: that is kept with it. Of
// several, which a full disk held up, the last is noted, so that a restart in between finishes it.
bool RunDesk::KeepState() {
  journal::Change change = with_state_;
  change.Put(Key("state"), participation_.Save());
  std::vector<const round::PublishModel*> publishing;
  for (const round::SiteEffect& later : queue_.waiting()) {
    if (const auto* one = std::get_if<round::PublishModel>(&later)) publishing.push_back(one);
  }
  if (publishing.size() == 1) NotePublished(*publishing.front(), change);
  if (publishing.size() > 1) change.Put(Key("publishing"), BytesOf(*publishing.back()));
  if (!shop_.journal.Apply(change)) return false;
  with_state_ = {};
  published_ = publishing.size() == 1;
  return true;
}

void RunDesk::Do(const round::SignSubmission& effect) {
  GivePenBack();  // sealed before, and the log did not take it
  const round::Submission& numbers = effect.unsigned_submission;
  ledger::ContributionSubmitted event;
  event.at = {numbers.at.run, numbers.at.round, numbers.at.attempt};
  event.site = shop_.site;
  event.base_model = numbers.base_model;
  event.contribution = numbers.contribution;
  event.weight = numbers.weight;
  event.tokens = numbers.tokens;
  event.steps = numbers.steps;
  event.saturated_lanes = numbers.saturated_lanes;
  event.code = numbers.code;
  event.norm = numbers.norm;
  if (!event.masked()) {
    const auto mark = MarkOf(numbers.at.round, participation_.training());
    if (mark) event.accelerator_seconds = mark->accelerator_seconds;
  }
  uint64_t admitted = 0;  // entries up to those that admit the site's data, which this copy replays
  for (const round::AdmittedDataset& one : numbers.datasets) {
    event.datasets.push_back({{one.dataset, one.version}, one.entry});
    admitted = std::max(admitted, one.entry + 1);
  }
  shop_.scribe.Write(
      event, admitted, [this, alive = alive_, effect, at = numbers.at](Result<Bytes> envelope) {
        if (!*alive) return;
        if (!envelope && envelope.error().code == ErrorCode::kFailedPrecondition) {
          shop_.say(at.Text() + ": REFUSED: nothing is signed: " + envelope.error().message);
          return Feed(round::RoundRefused{at, "void", /*rostered=*/true, /*drops=*/true});
        }
        if (!envelope) {
          if (std::exchange(unsigned_because_, envelope.error().message) !=
              envelope.error().message) {
            shop_.say(at.Text() + ": cannot sign yet: " + unsigned_because_);
          }
          shop_.loop.At(shop_.loop.Now() + kDiskRetry, [this, alive, effect] {
            const bool wanted = *alive && participation_.phase() == round::SitePhase::kSigning &&
                                participation_.at() == effect.unsigned_submission.at;
            if (wanted && *shop_.pen_holder != run_) Do(effect);
          });
          return;
        }
        *shop_.pen_holder = run_;
        CrashPoint("site.signed");
        Feed(round::Signed{at, std::move(*envelope)});
        // It was for an attempt that is over: nobody sends it, and this run's next one waits.
        if (participation_.phase() != round::SitePhase::kSubmitted) GivePenBack();
      });
}

void RunDesk::GivePenBack() {
  if (*shop_.pen_holder != run_) return;
  *shop_.pen_holder = RunId();
  shop_.scribe.Wrote();
}

void RunDesk::Do(const round::VerifyReceipt& effect) {
  shop_.scribe.SyncTo(effect.receipt.index + 1, [this, alive = alive_, effect](Status synced) {
    if (!*alive) return;
    if (!synced) {
      shop_.say(effect.receipt.at.Text() +
                ": cannot check the receipt yet: " + synced.error().message);
      if (synced.error().code != ErrorCode::kCorrupt) {
        shop_.loop.At(shop_.loop.Now() + kDiskRetry, [this, alive, effect] {
          if (*alive) Do(effect);
        });
        return;
      }
    }
    const bool valid = synced && ReceiptHolds(effect);
    CrashPoint("site.receipt-verified");
    if (valid && !Kept(effect)) return;
    CrashPoint("site.receipt-kept");
    Feed(round::ReceiptChecked{effect.receipt.at, valid});
  });
}

bool RunDesk::Kept(const round::VerifyReceipt& effect) {
  const Status kept = KeepReceipt(shop_.dir / "receipts", effect.receipt.at, effect.receipt.proof,
                                  effect.submission.envelope);
  if (kept) return true;
  shop_.say(effect.receipt.at.Text() + ": cannot keep the receipt yet: " + kept.error().message);
  shop_.loop.At(shop_.loop.Now() + kDiskRetry, [this, alive = alive_, effect] {
    if (*alive) Do(effect);
  });
  return false;
}

bool RunDesk::ReceiptHolds(const round::VerifyReceipt& effect) const {
  const ledger::Mirror& mirror = shop_.scribe.mirror();
  const Verifier& verifier = shop_.scribe.verifier();
  const auto receipt =
      ledger::ParseTlogProof(AsText(effect.receipt.proof), shop_.scribe.log_key(), verifier);
  if (!receipt || receipt->index != effect.receipt.index) return false;
  if (!ledger::VerifyReceipt(effect.submission.envelope, *receipt, shop_.scribe.log_key(),
                             verifier))
    return false;
  // The receipt's tree must be the one this site mirrors, not another with the same entry in it.
  return receipt->index < mirror.Head().head.size &&
         mirror.Leaf(receipt->index) == ledger::LeafHash(effect.submission.envelope);
}

void RunDesk::Do(const round::DropWork& effect) {
  if (participation_.manifest().masked()) masking_.Drop(effect.round);
  // What was counted goes with the base before (PublishModel); anything else at once.
  if (participation_.phase() != round::SitePhase::kDeriving) {
    std::error_code ignored;
    std::filesystem::remove(folder_.trained(effect.round), ignored);
    (void)shop_.journal.Apply(journal::Change().Erase(TrainedKey(effect.round)));
  }
  // With a cohort of one the aggregate is the contribution itself, and is still to be derived from.
  if (!effect.blob.IsZero()) dropped_.push_back(effect.blob);
}

void RunDesk::RemoveDropped() {
  if (dropped_.empty() && scraps_.empty()) return;
  if (!dropped_.empty()) CrashPoint("site.before-drop");
  std::erase_if(dropped_, [this](const Digest& one) { return shop_.needed_elsewhere(run_, one); });
  (void)shop_.compute.Run([&store = shop_.store, blobs = std::exchange(dropped_, {}),
                           files = std::exchange(scraps_, {})] {
    for (const Digest& digest : blobs) (void)store.Remove(digest);
    for (const auto& file : files) store.Scrap(file.string());
  });
}

void RunDesk::NotePublished(const round::PublishModel& effect, journal::Change& change) const {
  const auto before = shop_.journal.Get(Key("model"));
  const auto older = shop_.journal.Get(Key("model-before"));
  change.Put(Key("model"), BytesOf(effect)).Erase(Key("publishing"));
  // The model before stays one round more, for whoever still reads it; what it replaced goes, and
  // the momentum and scales that only served to derive this one.
  if (before && *before) change.Put(Key("model-before"), **before);
  if (effect.rounds.value > 0) change.Erase(TrainedKey({effect.rounds.value - 1}));
  CanonicalWriter leaving;
  for (const Digest& digest : Leaving()) leaving.Raw32(digest);
  for (const Digest& digest : dropped_) leaving.Raw32(digest);
  if (older && *older) leaving.Raw32(BaseIn(**older).model);
  if (before && *before) leaving.Raw32(BaseIn(**before).scales).Raw32(BaseIn(**before).momentum);
  change.Put(Key("leaving"), leaving.Take());
}

void RunDesk::Do(const round::PublishModel& effect) {
  CrashPoint("site.before-publish");
  if (!std::exchange(published_, false)) {
    journal::Change change;
    NotePublished(effect, change);
    if (!shop_.journal.Apply(change)) return;  // noted as under way: the next start does it
  }
  dropped_.clear();  // noted with the rest that leaves
  leaves_soon_ = true;
  CrashPoint("site.published");
  folder_.ForgetStatesBefore(effect.rounds);
  shop_.loop.At(shop_.loop.Now() + kLeavingAfter, [this, alive = alive_] {
    if (*alive) RemoveLeaving();
  });
}

std::vector<Digest> RunDesk::Leaving() const {
  std::vector<Digest> leaving;
  const auto noted = shop_.journal.Get(Key("leaving"));
  if (!noted || !*noted) return leaving;
  CanonicalReader reader(**noted);
  while (reader.ok() && reader.remaining() > 0) leaving.push_back(reader.Raw32());
  return leaving;
}

// What nobody needs any more, noted until it is gone: a death in between leaves no file behind. A
// blob that the base held now has too stays, or that another run of the same start works with.
void RunDesk::RemoveLeaving() {
  leaves_soon_ = false;
  if (participation_.phase() != round::SitePhase::kDeriving) RemoveDropped();
  const auto noted = shop_.journal.Get(Key("leaving"));
  const auto held = shop_.journal.Get(Key("model"));
  if (!noted || !*noted || !held || !*held) return;
  const round::Base base = BaseIn(**held);
  std::vector<Digest> leaving;
  for (const Digest& digest : Leaving()) {
    const bool stays = digest.IsZero() || digest == base.model || digest == base.momentum ||
                       digest == base.scales || digest == aggregate_ ||
                       digest == participation_.contribution() ||
                       shop_.needed_elsewhere(run_, digest);
    if (!stays) leaving.push_back(digest);
  }
  const RoundNumber rounds{CanonicalReader(**held).U64()};
  const auto before = shop_.journal.Get(Key("model-before"));
  const Digest former = before && *before ? BaseIn(**before).model : Digest{};
  auto work = [&store = shop_.store, leaving, former, trained = folder_.TrainedBefore(rounds)] {
    std::error_code ignored;
    const auto path = store.PathOf(former);
    const bool is_large =
        path && std::filesystem::file_size(*path, ignored) >= derivation::kLargeBytes;
    if (is_large) codec::DropFromMemory(*path);
    for (const auto& result : trained) std::filesystem::remove(result, ignored);
    for (const Digest& digest : leaving) (void)store.Remove(digest);
    return true;
  };
  shop_.removing->insert(leaving.begin(), leaving.end());
  auto gone = [removing = shop_.removing, leaving] {
    for (const Digest& digest : leaving) removing->erase(digest);
  };
  Run(shop_.compute, work, [this, gone, removed = **noted](bool) {
    gone();
    const auto now = shop_.journal.Get(Key("leaving"));
    if (now && *now == removed) (void)shop_.journal.Apply(journal::Change().Erase(Key("leaving")));
  });
}

// A model that the state already holds, and that nobody but this site would announce again.
void RunDesk::FinishPublishing() {
  const auto noted = shop_.journal.Get(Key("publishing"));
  if (!noted || !*noted) return;
  Do(round::PublishModel{RoundNumber{CanonicalReader(**noted).U64()}, BaseIn(**noted)});
}

void RunDesk::Do(const round::SetSiteTimer& effect) {
  const uint64_t timer = ++timer_;
  shop_.loop.At(effect.at, [this, alive = alive_, timer] {
    if (*alive && timer == timer_) Feed(round::SiteTimer{});
  });
}

}  // namespace dure::site
