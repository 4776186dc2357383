#include "site/masking_desk.h"

#include <algorithm>

#include "federation/crash_point.h"
#include "federation/derivation/derivation.h"
#include "federation/error_code.h"
#include "federation/masking/run_terms.h"
#include "federation/wire_hook.h"
#include "site/run_desk_work.h"

namespace dure::site {
namespace {

constexpr std::chrono::seconds kRetry{1};

// A test's liar keeps from its own rules how much of its update was cut.
uint64_t Shown(uint64_t saturated) {
  Bytes all{1};
  PassWire("site.saturated", {}, all);
  return all.empty() ? 0 : saturated;
}

// "; accused: west"
std::string Accused(const masking::Context& context, uint32_t accused) {
  if (accused >= context.site_count()) return "";
  return "; accused: " + context.seats[accused].site.str();
}

}  // namespace

MaskingDesk::MaskingDesk(Workshop& shop, const RunFolder& folder,
                         const round::Participation& participation, Feed feed)
    : shop_(shop),
      folder_(folder),
      participation_(participation),
      feed_(std::move(feed)),
      half_(shop.site, *shop.self.signer, verifier_),
      queue_(shop.loop,
             {[this](const masking::SiteEffect& effect) { return Perform(effect); },
              [this] { Say("the disk does not take the masking's state; trying again"); },
              {}}) {}

MaskingDesk::~MaskingDesk() { *alive_ = false; }

void MaskingDesk::Say(const std::string& line) const {
  shop_.say(participation_.at().Text() + ": masking: " + line);
}

template <typename Work, typename Done>
void MaskingDesk::Run(loop::WorkerPool& pool, Work work, Done done) {
  loop::RunFor(alive_, shop_.loop, pool, std::move(work), std::move(done));
}

// Events
// --------------------------------------------------------------------------------------------

void MaskingDesk::Push(const masking::SiteEvent& event) {
  if (lost_) return;
  auto effects = half_.Handle(event);
  Conclude(effects);
  queue_.Push(std::move(effects));
  SayAgainLater();
}

// Counted from whatever happened last.
void MaskingDesk::SayAgainLater() {
  const uint64_t timer = ++timer_;
  if (!half_.waits()) return;
  shop_.loop.At(shop_.loop.Now() + masking::kSayAgainAfter, [this, alive = alive_, timer] {
    if (!*alive || timer != timer_) return;
    using round::SitePhase;
    const SitePhase phase = participation_.phase();
    const bool accepted = half_.phase() == masking::SitePhase::kAccepted;
    const auto last = accepted ? SitePhase::kReceipted : SitePhase::kDeriving;
    // The round has gone on, or goes on without this site.
    if (!IsCurrent(half_.context()) || phase > last) return;
    Push(masking::SayAgain{});
  });
}

void MaskingDesk::Resume() {
  // Nobody waits for what was said in a run that is over.
  if (participation_.phase() != round::SitePhase::kEnded) Push(masking::Resumed{});
}

// Once examined, a context is of one attempt, whatever numbers a later one has.
bool MaskingDesk::IsCurrent(const masking::Context& context) const {
  const round::RoundAttempt& at = participation_.at();
  const Digest id = context.Id();
  if (bound_ && bound_->context == id) return IsBound(id);
  return context.attempt == at.attempt && context.agreed.run == at.run && context.round >= at.round;
}

bool MaskingDesk::IsBound(const Digest& context) const {
  return bound_ && bound_->context == context && bound_->at == participation_.at();
}

bool MaskingDesk::IsUnderWay() const {
  const masking::SitePhase phase = half_.phase();
  return phase >= masking::SitePhase::kExamining && phase <= masking::SitePhase::kChecked;
}

// What the round has gone on from is not waited for: its secrets are of no more use to anybody.
void MaskingDesk::GiveUpFormer() {
  if (!IsUnderWay() || !bound_ || bound_->context != half_.context_id()) return;
  const round::RoundAttempt& at = participation_.at();
  const bool over = participation_.phase() == round::SitePhase::kEnded;
  const bool elsewhere = at != bound_->at && at.run == bound_->at.run;  // has left: at none
  if (!over && !elsewhere) return;
  masks_.reset();
  Push(masking::GiveUp{});
}

void MaskingDesk::Take(const Bytes& message) {
  if (half_.phase() == masking::SitePhase::kMasking) CountBeside();  // it may name survivors
  Push(masking::FromAggregator{message});
}

void MaskingDesk::Look() {
  GiveUpFormer();
  if (examines_ && !examining_ && participation_.rostered()) Sync(*examines_);
  TryEncode();
}

void MaskingDesk::Uploaded(const Digest& payload) {
  if (half_.phase() != masking::SitePhase::kMasking || !IsBound(half_.context_id())) return;
  masks_.reset();
  Push(masking::SegmentMasked{half_.context_id(), 0, payload,
                              half_.context().SegmentLayout(0).PayloadBytes()});
}

uint64_t MaskingDesk::PayloadBytes() const {
  const bool agreed = IsUnderWay() && half_.phase() >= masking::SitePhase::kAdvertised;
  return agreed ? half_.context().SegmentLayout(0).PayloadBytes() : 0;
}

void MaskingDesk::Drop(RoundNumber round) {
  for (const auto& path : {folder_.lanes(round), folder_.payload(round)}) {
    (void)shop_.compute.Run([&store = shop_.store, path] { store.Scrap(path.string()); });
  }
}

// Effects
// -------------------------------------------------------------------------------------------

bool MaskingDesk::Perform(const masking::SiteEffect& effect) {
  if (std::holds_alternative<masking::Persist>(effect)) {
    CrashPoint("site.before-masking-persist", Name(half_.phase()));
    const bool kept = Keep();
    CrashPoint("site.after-masking-persist", Name(half_.phase()));
    return kept;
  }
  std::visit(
      [this](const auto& one) {
        if constexpr (requires { this->Do(one); }) this->Do(one);
      },
      effect);
  return true;
}

void MaskingDesk::Do(const masking::Tell& effect) {
  Bytes message = effect.message;
  PassWire("site.masking", "aggregator", message);
  if (!message.empty()) shop_.send(round::Masked{participation_.at().run, std::move(message)});
}

void MaskingDesk::Do(const masking::SetAside& effect) {
  Say("a message was set aside: " + std::string(Name(effect.refused.rule)) + ": " +
      effect.refused.why);
}

void MaskingDesk::Do(const masking::RefuseRound& effect) {
  const masking::Refused& refused = effect.refused;
  const masking::Context& context = effect.context;
  const bool of_sums = refused.rule == masking::Refusal::kMembership;
  Say("REFUSED: " + std::string(Name(refused.rule)) + ": " + refused.why +
      (of_sums ? standing::BesideText(Beside()) : "") + Accused(context, refused.accused));
  if (examines_ == context.Id()) examines_.reset();
  if (masks_ && masks_->context == context.Id()) masks_.reset();
  // Nobody waits for what comes of an attempt before.
  if (!IsCurrent(context)) return;
  feed_(round::RoundRefused{participation_.at(), masking::CodeOf(refused.rule)});
}

void MaskingDesk::Do(const masking::Examine& effect) {
  examines_ = effect.context.Id();
  // Later if the roster, or the base that it speaks of, is not here yet.
  if (!examining_ && participation_.rostered()) Sync(*examines_);
}

// What the site compares with must be as new as what the aggregator composed.
void MaskingDesk::Sync(const Digest& context) {
  if (!IsCurrent(half_.context())) return;
  examining_ = true;
  shop_.scribe.Sync([this, alive = alive_, context](const Status& synced) {
    if (!*alive) return;
    if (synced && !RecordedCohort().empty()) return ExamineNow(context);
    Say("cannot compare with the record yet: " +
        (synced ? "the round's opening is not in it" : synced.error().message));
    // Of whatever waits then: another attempt may have been opened meanwhile, or is about to be.
    shop_.loop.At(shop_.loop.Now() + kRetry, [this, alive] {
      if (!*alive) return;
      examining_ = false;
      Look();
    });
  });
}

void MaskingDesk::ExamineNow(const Digest& context) {
  auto count = [&store = shop_.store, model = participation_.base().model]() -> Result<uint64_t> {
    DURE_ASSIGN(const auto reader, store.Open(model));
    DURE_ASSIGN(const auto shape, derivation::ShapeOf(reader->bytes()));
    return shape.parameter_count;
  };
  Run(shop_.compute, count, [this, context](const Result<uint64_t>& parameters) {
    examining_ = false;
    if (!examines_ || *examines_ != context) return Look();
    if (!parameters) return Say("cannot read the base: " + parameters.error().message);
    if (!IsCurrent(half_.context()) || !participation_.rostered()) return;
    examines_.reset();
    const round::RoundAttempt& at = participation_.at();
    bound_ = Bound{context, at, bound_ && bound_->at == at ? bound_->work : 0};
    masking::Examined examined{PinnedFor(half_.context(), *parameters), {}};
    shop_.random.Fill(examined.seed.bytes);
    CountBeside();
    Push(examined);
  });
}

ledger::RoundAttempt MaskingDesk::RecordedAt() const {
  const round::RoundAttempt& at = participation_.at();
  return {at.run, at.round, at.attempt};
}

std::vector<SiteId> MaskingDesk::RecordedCohort() const {
  std::vector<SiteId> cohort;
  shop_.scribe.WithStanding([&](const standing::Auditor& auditor) {
    cohort = standing::CohortOf(auditor.standing().state(), RecordedAt());
  });
  return cohort;
}

masking::Pinned MaskingDesk::PinnedFor(const masking::Context& context,
                                       uint64_t parameter_count) const {
  const round::RunManifest& manifest = participation_.manifest();
  masking::Pinned pinned;
  pinned.self = shop_.site;
  Digest policies;
  shop_.scribe.WithStanding([&](const standing::Auditor& auditor) {
    const standing::State& state = auditor.standing().state();
    pinned.admitted = standing::SeatsOf(state, manifest.run, manifest.masking_rules.batch_members);
    pinned.recorded = standing::SumsOf(state, manifest.run);
    pinned.cohort = standing::CohortOf(state, RecordedAt());
    // A number is used up by an attempt that gave no sum; two, where an aggregator of a version
    // before died over it.
    pinned.round_max.value =
        participation_.at().round.value + 2 * standing::AttemptsOf(state, manifest.run);
    const auto run = state.runs.find(manifest.run);
    if (run != state.runs.end()) policies = run->second.policies;
  });
  pinned.sites_min = std::max(manifest.cohort_min, manifest.quorum);
  pinned.survivors_min = manifest.quorum;
  pinned.helpers = masking::CorruptMaxOf(manifest);
  pinned.agreed =
      masking::AgreedOn({manifest, participation_.base(), shop_.self.subject.consortium, policies,
                         shop_.self.aggregator_key, parameter_count, context.site_count()});
  return pinned;
}

// Masking
// -------------------------------------------------------------------------------------------

void MaskingDesk::Do(const masking::MaskSegment& effect) {
  masks_ = effect;
  TryEncode();
}

void MaskingDesk::Encode(const round::EncodeUpdate& effect) {
  if (!effect.replaces.IsZero()) {
    (void)shop_.compute.Run(
        [&store = shop_.store, gone = effect.replaces] { (void)store.Remove(gone); });
  }
  if (lost_) {
    shop_.loop.Post([this, alive = alive_, round = effect.round] {
      if (*alive) feed_(round::EncodeFailed{round, std::string(kLost)});
    });
    return;
  }
  wanted_ = effect;
  encoded_.reset();
  ++encode_turn_;  // what is being encoded for an attempt before is not wanted any more
  encoding_ = false;
  TryEncode();
}

void MaskingDesk::TryEncode() {
  const bool ready =
      wanted_ && masks_ && !encoding_ && participation_.phase() == round::SitePhase::kEncoding &&
      wanted_->at == participation_.at() && half_.phase() == masking::SitePhase::kMasking &&
      masks_->context == half_.context_id() && IsBound(masks_->context) &&
      half_.context().agreed.model == wanted_->plan.base.model;
  if (!ready) return;
  if (bound_->work != 0 && bound_->work != wanted_->residual_to) {
    Say("REFUSED: an update was masked in this attempt already, and this is another");
    wanted_.reset();
    return feed_(round::RoundRefused{bound_->at, masking::CodeOf(masking::Refusal::kKey)});
  }
  bound_->work = wanted_->residual_to;
  encoding_ = true;
  const MaskWith with{half_.context().SegmentLayout(0), masks_->masks,
                      shop_.privacy.NoiseKey(bound_->context, bound_->at)};
  auto work = [this, effect = *wanted_, manifest = participation_.manifest(), with] {
    CrashPoint("site.before-mask");
    codec::Work pace;
    pace.threads = shop_.threads;
    return EncodeMasked(effect, manifest, shop_.site, with, folder_, shop_.store, pace);
  };
  Run(shop_.compute, work,
      [this, round = wanted_->round, turn = encode_turn_](const Result<MaskedContribution>& made) {
        if (turn != encode_turn_) return;
        if (!made) return NotEncoded(made.error());
        encoding_ = false;
        wanted_.reset();
        roomless_encodings_ = 0;
        Encoded(*made, round);
      });
}

// As RunDesk::NotEncoded: room is waited for, and the same update comes under these masks then. One
// whose residual is gone would be another, and is not encoded without it.
void MaskingDesk::NotEncoded(const Error& error) {
  const RoundNumber round = wanted_->round;
  const auto fault = FaultOf(error, *wanted_, participation_.manifest(), folder_, shop_.store);
  Say("the update cannot be encoded: " + error.message);
  const bool roomless = fault == round::EncodeFault::kRoom;
  if (roomless && ++roomless_encodings_ < kRoomlessMax) {
    shop_.loop.At(shop_.loop.Now() + kRoomRetry, [this, alive = alive_, turn = encode_turn_] {
      if (!*alive || turn != encode_turn_) return;
      encoding_ = false;
      TryEncode();
    });
    return;
  }
  roomless_encodings_ = 0;
  encoding_ = false;
  wanted_.reset();
  feed_(round::EncodeFailed{round, CodeWord(error.code),
                            roomless ? fault : round::EncodeFault::kUpdate});
}

void MaskingDesk::Encoded(const MaskedContribution& made, RoundNumber round) {
  own_ = made.scalars;
  own_round_ = round;
  CrashPoint("site.masked");
  const uint64_t saturated = Shown(made.made.saturated);
  const bool stays = participation_.manifest().Oversaturated(saturated, made.made.lanes);
  if (!stays) SayWhatLeaves(made);
  encoded_ = round::Encoded{round, made.made.blob, made.made.weight, saturated};
  encoded_->lanes = made.made.lanes;
  // Kept before the payload is named, with these numbers, which the check of the sum needs.
  Push(masking::SegmentEncoded{half_.context_id(), 0, made.made.blob});
}

void MaskingDesk::Do(const masking::UploadSegment& effect) {
  if (!encoded_ || encoded_->blob != effect.payload || !IsBound(effect.context)) return;
  feed_(*std::exchange(encoded_, std::nullopt));
}

void MaskingDesk::SayWhatLeaves(const MaskedContribution& made) const {
  std::string bytes;
  for (size_t i = 0; i + 1 < made.leaves.first.size(); i += 2) {
    bytes += made.leaves.first.substr(i, 2) + " ";
  }
  const auto evenness = [](const ByteLook& look) {
    return std::to_string(static_cast<uint64_t>(look.chi_square));
  };
  Say("leaves this site: " + std::to_string(made.bytes) + " bytes, " + bytes +
      "...: " + (made.leaves.is_even ? "even as noise" : "NOT even as noise") + " (chi-square " +
      evenness(made.leaves) + ", of noise 255 +- 23; of the update itself, which stays, " +
      evenness(made.stays) + ")");
}

}  // namespace dure::site
