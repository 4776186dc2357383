#include "aggregator/masking_desk.h"

#include <algorithm>
#include <cstring>

#include "aggregator/merge.h"
#include "federation/crash_point.h"
#include "federation/error_code.h"
#include "federation/masking/run_terms.h"
#include "federation/masking/under_way.h"
#include "federation/masking/weighing.h"
#include "federation/wire_hook.h"

namespace dure::aggregator {
namespace {

using Phase = masking::AggregatorPhase;

constexpr std::chrono::seconds kRetry{1};

// The sums on their way to the sites, and into the record.
masking::Scalars Passed(std::string_view place, const masking::Scalars& scalars) {
  Bytes bytes(sizeof scalars);
  std::memcpy(bytes.data(), scalars.data(), bytes.size());
  PassWire(place, {}, bytes);
  masking::Scalars passed = scalars;
  if (bytes.size() == sizeof passed) std::memcpy(passed.data(), bytes.data(), bytes.size());
  return passed;
}

// A test's liar has sums checked that it should have given up.
bool TakesAnything() {
  Bytes rule{1};
  PassWire("aggregator.saturation", {}, rule);
  return rule.empty();
}

}  // namespace

MaskingDesk::MaskingDesk(Workshop& shop, const round::Rounds& rounds, uint64_t parameter_count,
                         Feed feed)
    : shop_(shop),
      rounds_(rounds),
      parameter_count_(parameter_count),
      feed_(std::move(feed)),
      queue_(shop.loop,
             {[this](const masking::AggregatorEffect& effect) { return Perform(effect); }, {}, {}}),
      keeping_(shop.say, "keep the masking of " + rounds.manifest().run.str(), shop.scratch),
      summing_(shop.say, "have a sum of " + rounds.manifest().run.str(), shop.scratch),
      deriving_model_(shop.say, "derive the model of " + rounds.manifest().run.str(),
                      shop.scratch) {}

MaskingDesk::~MaskingDesk() { *alive_ = false; }

// A worker may outlive the desk: `work` holds the shop, never the desk.
template <typename Work, typename Done>
void MaskingDesk::Run(Work work, Done done) {
  loop::RunFor(alive_, shop_.loop, shop_.workers, std::move(work), std::move(done));
}

// An attempt
// ----------------------------------------------------------------------------------------

void MaskingDesk::Resume() {
  // What failed before a restart stays so: its number may be another attempt's by now, and sites
  // that went on with this one would have released it. Nor is anybody blamed for it any more.
  if (attempt_ && masking::IsForsaken(attempt_->half.phase(), attempt_->at, rounds_)) Forsake();
  if (attempt_ && !failed_) {
    Push(masking::Begin{});
    ArmTimer();
    OpenAgainLater();
  }
  Look();
}

void MaskingDesk::Look() {
  const bool begins = rounds_.phase() == round::RunPhase::kCollecting &&
                      (!attempt_ || attempt_->at != rounds_.at());
  if (begins) Begin();
  if (!attempt_ || attempt_->at != rounds_.at()) return;
  TellForsaken();
  // Until all agreed, an attempt stands on everybody: who is out of the round is not waited for.
  const masking::AggregatorHalf& half = attempt_->half;
  const Phase phase = half.phase();
  if (phase < Phase::kAdvertising || phase > Phase::kAgreeing) return;
  bool lacks = false;
  for (uint32_t i = 0; i < half.context().site_count(); ++i) {
    const bool counts = phase < Phase::kAgreeing || std::ranges::binary_search(half.sharers(), i);
    const auto reason = rounds_.OutReason(half.context().seats[i].site);
    if (!counts || !reason) continue;
    lacks = true;
    if (refusal_.empty() && reason->starts_with("refuse-")) refusal_ = *reason;
  }
  if (!lacks) return;
  if (rounds_.phase() == round::RunPhase::kCollecting) Push(masking::PhaseOverdue{});
}

void MaskingDesk::Begin() {
  if (lost_) return feed_(round::AttemptFailed{rounds_.at(), "masking-state-lost"});
  if (attempt_ && masking::IsForsaken(attempt_->half.phase(), attempt_->at, rounds_)) Forsake();
  auto context = Compose();
  merge_.reset();
  published_.reset();
  derived_.reset();
  finished_ = false;
  failed_ = false;
  told_ = false;
  disputed_ = false;
  refusal_.clear();
  accusations_ = {};
  if (!context) {
    const bool rule = context.error().code == ErrorCode::kFailedPrecondition &&
                      context.error().message.starts_with("refuse-");
    return feed_(
        round::AttemptFailed{rounds_.at(), rule ? context.error().message : "masking-cohort"});
  }
  if (attempt_ && attempt_->half.phase() == Phase::kFinished) former_ = std::move(attempt_);
  attempt_.emplace(Attempt{
      rounds_.at(), masking::AggregatorHalf(*std::move(context), *shop_.self.signer, verifier_)});
  Push(masking::Begin{});
  OpenAgainLater();
}

void MaskingDesk::Push(const masking::AggregatorEvent& event) {
  masking::AggregatorHalf& half = attempt_->half;
  const Phase before = half.phase();
  const Release release = half.release();
  auto effects = half.Handle(event);
  for (const auto& effect : effects) told_ |= std::holds_alternative<masking::Abandon>(effect);
  AfterEvent(before, release);
  queue_.Push(std::move(effects));
}

void MaskingDesk::AfterEvent(Phase before, const Release& release) {
  const masking::AggregatorHalf& half = attempt_->half;
  const Phase now = half.phase();
  if (now == before) return;
  if (now == Phase::kFinished) {
    Learn(half.release());
  } else if (now == Phase::kAbandoned) {
    UseUp(release);
  }
  ArmTimer();
}

void MaskingDesk::Take(const SiteId& site, const Bytes& message) {
  if (former_) {
    const auto of = former_->half.context().IndexOf(site);
    if (of) Relay(*former_, masking::FromSite{*of, message});
  }
  if (!attempt_ || failed_) return;
  const auto index = attempt_->half.context().IndexOf(site);
  if (!index) return;
  Push(masking::FromSite{*index, message});
  if (merge_ && attempt_->half.phase() == Phase::kUploading) FixSurvivors(false);
  LeaveOut();
}

void MaskingDesk::Connected(const SiteId& site) {
  // Otherwise every run that ever was would be told of at each connection, and the line overflow.
  if (rounds_.IsOverFor(site)) return;
  for (auto* one : {&former_, &attempt_}) {
    if (!one->has_value() || (one == &attempt_ && failed_)) continue;
    const auto index = (*one)->half.context().IndexOf(site);
    if (!index) continue;
    // In its order behind what is not durable yet; of the former one, all is.
    if (one == &attempt_) {
      Push(masking::SiteConnected{*index});
    } else {
      Relay(**one, masking::SiteConnected{*index});
    }
  }
}

// What leaves the state as it is: only messages come of it.
void MaskingDesk::Relay(Attempt& finished, const masking::AggregatorEvent& event) {
  for (const auto& effect : finished.half.Handle(event)) {
    const auto* send = std::get_if<masking::Send>(&effect);
    if (send == nullptr) continue;
    Tell(finished.half.context().seats[send->site].site, send->message);
  }
}

uint64_t MaskingDesk::PayloadBytes() const {
  if (!attempt_ || !IsOpen(attempt_->half.phase())) return 0;
  return attempt_->half.context().SegmentLayout(0).PayloadBytes();
}

// From uploads to a sum
// -----------------------------------------------------------------------------

void MaskingDesk::Sum(const round::StartMerge& merge) {
  if (!attempt_ || attempt_->at != merge.at || attempt_->half.phase() == Phase::kAbandoned) {
    return feed_(round::AttemptFailed{merge.at, refusal_.empty() ? "masking" : refusal_});
  }
  merge_ = merge;
  if (const auto objection = ObjectionTo(merge)) return Fail(masking::CodeOf(objection->rule));
  const uint64_t bytes = attempt_->half.context().SegmentLayout(0).PayloadBytes();
  for (const round::Contribution& one : merge.contributions) {
    const auto index = attempt_->half.context().IndexOf(one.site);
    if (index) Push(masking::Stored{*index, 0, one.blob, bytes});
  }
  FixSurvivors(false);
  Derive();
  TryFinish();
}

// The survivors are exactly whose submissions the log holds.
void MaskingDesk::FixSurvivors(bool overdue) {
  masking::AggregatorHalf& half = attempt_->half;
  if (half.phase() == Phase::kUploading) {
    const bool all_said = std::ranges::all_of(merge_->contributions, [&half](const auto& one) {
      const auto index = half.context().IndexOf(one.site);
      return index && half.has_uploaded(*index, 0);
    });
    if (!all_said && !overdue) return ArmTimer();
    BarContradicting();
    if (overdue) NoteSilent();
    // Fewer than the log holds would be told to nobody's use, and to sites that refuse it.
    if (!all_said || !half.Contradicting().empty()) return Fail("masking-survivors");
    Push(masking::PhaseOverdue{});
  }
  if (!attempt_ || half.phase() < Phase::kSurviving || !IsOpen(half.phase())) return;
  std::vector<SiteId> survivors;
  for (const uint32_t i : half.survivors(0)) survivors.push_back(half.context().seats[i].site);
  if (!std::ranges::equal(survivors, merge_->contributions, {}, {}, &round::Contribution::site)) {
    Fail("masking-survivors");
  }
}

bool MaskingDesk::Perform(const masking::AggregatorEffect& effect) {
  if (std::holds_alternative<masking::PersistAggregator>(effect)) {
    const auto phase = attempt_ ? Name(attempt_->half.phase()) : std::string_view();
    CrashPoint("aggregator.before-masking-persist", phase);
    const bool kept = keeping_.Note(shop_.journal.Apply(journal::Change().Put(Key(), Save())));
    CrashPoint("aggregator.after-masking-persist", phase);
    return kept;
  }
  std::visit(
      [this](const auto& one) {
        if constexpr (requires { this->Do(one); }) this->Do(one);
      },
      effect);
  return true;
}

void MaskingDesk::Do(const masking::Send& effect) {
  Tell(attempt_->half.context().seats[effect.site].site, effect.message);
}

void MaskingDesk::Tell(const SiteId& site, Bytes message) {
  PassWire("aggregator.masking", site.str(), message);
  if (message.empty()) return;
  shop_.send(site, round::Masked{rounds_.manifest().run, std::move(message)});
}

void MaskingDesk::Do(const masking::UnmaskSegment& effect) {
  if (unmasking_) return;
  unmasking_ = true;
  auto work = [effect, context = attempt_->half.context(),
               weighing = masking::WeighingOf(rounds_.manifest()), &shop = shop_] {
    CrashPoint("aggregator.before-unmask");
    return Unmask(effect, context, TakesAnything() ? masking::Weighing() : weighing, shop.store,
                  shop.scratch + "/" + context.agreed.run.str() + ".sum", shop.threads);
  };
  Run(work, [this, effect, at = attempt_->at](const Result<UnmaskedSum>& sum) {
    unmasking_ = false;
    CrashPoint("aggregator.unmasked");
    if (!attempt_ || attempt_->at != at) {
      // Of an attempt that is over; what another asked for meanwhile was not begun.
      if (attempt_ && !failed_) Push(masking::Begin{});
      return;
    }
    if (summing_.Note(sum)) {
      return Push(masking::SegmentUnmasked{effect.segment, true, sum->planes,
                                           Passed("aggregator.sums", sum->scalars)});
    }
    NoSum(effect, sum.error());
  });
}

void MaskingDesk::Do(const masking::MeasureSegment& effect) {
  auto work = [effect, context = attempt_->half.context(), &shop = shop_] {
    CrashPoint("aggregator.before-measure");
    return Measure(effect, context, shop.store, shop.threads);
  };
  Run(work, [this, effect, at = attempt_->at](const Result<uint64_t>& product) {
    if (!attempt_ || attempt_->at != at) return;
    if (product) return Push(masking::SegmentMeasured{effect.segment, *product});
    shop_.say(at.Text() + ": masking: the sum cannot be checked: " + product.error().message);
    if (!TakesAnything()) Fail("masking-unverified");
  });
}

void MaskingDesk::Do(const masking::Published& effect) {
  if (attempt_->half.phase() == Phase::kAbandoned) return;  // while the disk was full
  published_ = effect.outcome;
  const masking::SegmentResult& sum = published_->segments.front();
  const auto refused =
      masking::CheckSaturation(rounds_.manifest(), sum.scalars, parameter_count_,
                               static_cast<uint32_t>(attempt_->half.survivors(0).size()));
  if (refused && !TakesAnything()) {
    shop_.say(attempt_->at.Text() + ": masking: " + std::string(Name(refused->rule)) + ": " +
              refused->why);
    return Fail(std::string(round::kOversaturated));
  }
  Derive();
}

// What the model is derived from, too.
round::Sums MaskingDesk::SumsToRecord() const {
  return masking::SumsOf(Passed("aggregator.recorded", published_->segments.front().scalars));
}

// While the sites check the sum.
void MaskingDesk::Derive() {
  if (!merge_ || !published_ || derived_ || deriving_) return;
  deriving_ = true;
  const masking::SegmentResult& sum = published_->segments.front();
  const derivation::Step step{merge_->base, sum.planes,
                              static_cast<uint32_t>(merge_->contributions.size()),
                              SumsToRecord().weight};
  auto work = [step, manifest = rounds_.manifest(), &shop = shop_] {
    CrashPoint("aggregator.before-derive");
    return DeriveFromSum(step, manifest, shop.store, shop.scratch, shop.threads);
  };
  Run(work, [this, at = merge_->at](const Result<round::Base>& derived) {
    deriving_ = false;
    if (!merge_ || merge_->at != at) return Derive();
    if (deriving_model_.Note(derived)) {
      derived_ = *derived;
      return TryFinish();
    }
    const ErrorCode code = derived.error().code;
    if (code != ErrorCode::kExhausted && code != ErrorCode::kUnavailable) {
      if (!TakesAnything()) Fail(CodeWord(code));
      return;
    }
    shop_.loop.At(shop_.loop.Now() + kRetry, [this, alive = alive_] {
      if (*alive) Derive();
    });
  });
}

void MaskingDesk::Do(const masking::Finish& effect) {
  if (!effect.unverified.empty()) return Fail("masking-unverified");
  finished_ = true;
  TryFinish();
}

void MaskingDesk::TryFinish() {
  if (!merge_ || !published_ || !derived_ || !finished_ || disputed_) return;
  const masking::SegmentResult& sum = published_->segments.front();
  const round::Merged merged{merge_->at, sum.planes, *derived_, SumsToRecord()};
  merge_.reset();
  CrashPoint("aggregator.masked-sum");
  feed_(merged);
}

// How long a phase may take
// -------------------------------------------------------------------------

// Whom the opening did not reach has nothing to ask again.
void MaskingDesk::OpenAgainLater() {
  shop_.loop.At(shop_.loop.Now() + masking::kSayAgainAfter,
                [this, alive = alive_, at = attempt_->at] {
                  if (!*alive || !attempt_ || attempt_->at != at || failed_) return;
                  if (attempt_->half.phase() != Phase::kAdvertising) return;
                  Push(masking::OpenAgain{});
                  OpenAgainLater();
                });
}

void MaskingDesk::ArmTimer() {
  const uint64_t timer = ++timer_;
  const Phase phase = attempt_->half.phase();
  const auto patience = masking::PatienceOf(phase, rounds_.manifest(), merge_.has_value());
  if (!patience) return;
  shop_.loop.At(shop_.loop.Now() + *patience, [this, alive = alive_, timer, phase] {
    if (!*alive || timer != timer_ || !attempt_ || attempt_->half.phase() != phase) return;
    if (phase == Phase::kUploading) return FixSurvivors(true);
    NoteSilent();
    // An unchecked sum is no sum.
    if (phase == Phase::kOpening || phase == Phase::kChecking) return Fail("masking-unverified");
    Push(masking::PhaseOverdue{});
    LeaveOut();
  });
}

}  // namespace dure::aggregator
