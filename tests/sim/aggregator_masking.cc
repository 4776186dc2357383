#include "tests/sim/aggregator_masking.h"

#include <algorithm>

#include "federation/masking/run_terms.h"
#include "federation/masking/under_way.h"
#include "tests/sim/world.h"

namespace dure::sim {

using Phase = masking::AggregatorPhase;

AggregatorMasking::AggregatorMasking(World& world, AggregatorNode& node)
    : world_(world), node_(node), signer_("aggregator") {}

// Lives
// ---------------------------------------------------------------------------------------------

void AggregatorMasking::Keep() {
  const auto of = [](const std::optional<Attempt>& one) {
    return one ? std::optional(KeptAttempt{one->at, one->half.Save()}) : std::nullopt;
  };
  kept_ = Durable{of(attempt_), of(former_), released_, history_, skipped_, refusal_};
}

void AggregatorMasking::Start() {
  released_ = kept_.released;
  history_ = kept_.history;
  skipped_ = kept_.skipped;
  refusal_ = kept_.refusal;
  for (auto [from, to] :
       {std::pair(&kept_.attempt, &attempt_), std::pair(&kept_.former, &former_)}) {
    to->reset();
    if (!*from) continue;
    auto loaded =
        masking::AggregatorHalf::Load((*from)->half, signer_, verifier_, world_.agreement());
    if (!loaded) return world_.Violate("the masking state: " + loaded.error().message);
    to->emplace(Attempt{(*from)->at, std::move(*loaded)});
  }
}

void AggregatorMasking::Stop() {
  attempt_.reset();
  former_.reset();
  merge_.reset();
  published_.reset();
  derived_.reset();
  unmasking_ = deriving_ = finished_ = failed_ = disputed_ = false;
  ++timer_;
  queue_.clear();
}

void AggregatorMasking::Resume() {
  if (attempt_ && masking::IsForsaken(attempt_->half.phase(), attempt_->at, node_.core()))
    Forsake();
  if (attempt_ && !failed_) {
    Push(masking::Begin{});
    if (Lives()) ArmTimer();
    OpenAgainLater();
  }
  if (node_.up()) Look();
}

// An attempt
// ----------------------------------------------------------------------------------------

void AggregatorMasking::Look() {
  const round::Rounds& rounds = node_.core();
  const bool begins =
      rounds.phase() == round::RunPhase::kCollecting && (!attempt_ || attempt_->at != rounds.at());
  if (begins) Begin();
  if (!Lives() || !node_.up() || attempt_->at != rounds.at()) return;
  const masking::AggregatorHalf& half = attempt_->half;
  const Phase phase = half.phase();
  if (phase < Phase::kAdvertising || phase > Phase::kAgreeing) return;
  bool lacks = false;
  for (uint32_t i = 0; i < half.context().site_count(); ++i) {
    const bool counts = phase < Phase::kAgreeing || std::ranges::binary_search(half.sharers(), i);
    const auto reason = rounds.OutReason(half.context().seats[i].site);
    if (!counts || !reason) continue;
    lacks = true;
    if (refusal_.empty() && reason->starts_with("refuse-")) refusal_ = *reason;
  }
  if (lacks && rounds.phase() == round::RunPhase::kCollecting) Push(masking::PhaseOverdue{});
}

void AggregatorMasking::Begin() {
  if (attempt_ && masking::IsForsaken(attempt_->half.phase(), attempt_->at, node_.core()))
    Forsake();
  auto context = Compose();
  merge_.reset();
  published_.reset();
  derived_.reset();
  finished_ = failed_ = disputed_ = false;
  refusal_.clear();
  if (!context) {
    const bool rule = context.error().message.starts_with("refuse-");
    return node_.Feed(
        round::AttemptFailed{node_.core().at(), rule ? context.error().message : "masking-cohort"});
  }
  if (attempt_ && attempt_->half.phase() == Phase::kFinished) former_ = std::move(attempt_);
  attempt_.emplace(Attempt{
      node_.core().at(),
      masking::AggregatorHalf(*std::move(context), signer_, verifier_, world_.agreement())});
  Push(masking::Begin{});
  OpenAgainLater();
}

Result<masking::Context> AggregatorMasking::Compose() const {
  const round::Rounds& rounds = node_.core();
  const std::vector<SiteId> cohort = rounds.Cohort();
  masking::Context context;
  context.seats = world_.Seats();
  std::erase_if(context.seats, [&cohort](const masking::Seat& seat) {
    return !std::ranges::binary_search(cohort, seat.site);
  });
  context.round.value = rounds.at().round.value + skipped_;
  context.attempt = rounds.at().attempt;
  context.threshold = masking::ThresholdFor(context.site_count());
  if (world_.bug() == Bug::kWrongThreshold) context.threshold = 2;
  context.previous = released_;
  if (context.site_count() < 2) return dure::Fail(ErrorCode::kFailedPrecondition, "too few");
  context.agreed = masking::AgreedOn({rounds.manifest(),
                                      rounds.base(),
                                      "sim",
                                      {},
                                      signer_.Key(),
                                      kParameters,
                                      context.site_count()});
  DURE_TRY(context.Check());
  if (auto objection = masking::CheckCohort(context.agreed.rules, context.seats)) {
    return dure::Fail(ErrorCode::kFailedPrecondition, masking::CodeOf(objection->rule));
  }
  return context;
}

void AggregatorMasking::Push(const masking::AggregatorEvent& event) {
  if (!attempt_) return;
  masking::AggregatorHalf& half = attempt_->half;
  const Phase before = half.phase();
  const Release release = half.release();
  auto effects = half.Handle(event);
  AfterEvent(before, release);
  for (masking::AggregatorEffect& effect : effects) queue_.push_back(std::move(effect));
  Drain();
}

void AggregatorMasking::Drain() {
  if (draining_) return;
  draining_ = true;
  while (!queue_.empty() && Lives()) {
    const masking::AggregatorEffect effect = std::move(queue_.front());
    queue_.pop_front();
    if (!Perform(effect)) break;
  }
  draining_ = false;
}

bool AggregatorMasking::Perform(const masking::AggregatorEffect& effect) {
  if (world_.Happens(world_.faults().crash)) {
    world_.Crash(World::kAggregator);
    return false;
  }
  if (std::holds_alternative<masking::PersistAggregator>(effect)) {
    Keep();
  } else {
    std::visit(
        [this](const auto& one) {
          if constexpr (requires { this->Do(one); }) this->Do(one);
        },
        effect);
  }
  return Lives();
}

void AggregatorMasking::AfterEvent(Phase before, const Release& release) {
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

void AggregatorMasking::Learn(const Release& release) {
  released_ = masking::Released{attempt_->half.context().round, release.transcript};
  history_.Learn({0, release.sites});
}

std::vector<SiteId> AggregatorMasking::SetApart(
    const std::vector<round::Candidate>& candidates) const {
  std::vector<SiteId> sites;
  for (const round::Candidate& one : candidates) sites.push_back(one.site);
  const round::Rounds& rounds = node_.core();
  return masking::SetApart(history_, rounds.manifest(), rounds.at().round, world_.Seats(),
                           std::move(sites));
}

masking::Objection AggregatorMasking::ObjectionTo(const round::StartMerge& merge) const {
  const masking::AggregatorHalf& half = attempt_->half;
  if (half.phase() > Phase::kUploading) return {};
  std::vector<SiteId> sites;
  for (const round::Contribution& one : merge.contributions) sites.push_back(one.site);
  return masking::CheckSum(history_, node_.core().manifest(), merge.at.round, half.context().seats,
                           std::move(sites));
}

void AggregatorMasking::UseUp(const Release& release) {
  if (world_.bug() == Bug::kReuseNumber || world_.bug() == Bug::kReleaseTwice) return;
  if (!release.may_be) return;
  Learn(release);
  ++skipped_;
}

void AggregatorMasking::Take(const SiteId& site, const Bytes& message) {
  if (former_) {
    const auto of = former_->half.context().IndexOf(site);
    if (of) Relay(*former_, masking::FromSite{*of, message});
  }
  if (!attempt_ || failed_) return;
  const auto index = attempt_->half.context().IndexOf(site);
  if (!index) return;
  if (world_.scenario().lie == Lie::kMangled) heard_[*index] = message;
  Push(masking::FromSite{*index, message});
  if (Lives() && merge_ && attempt_->half.phase() == Phase::kUploading) FixSurvivors(false);
  LeaveOut();
}

void AggregatorMasking::Connected(const SiteId& site) {
  for (auto* one : {&former_, &attempt_}) {
    if (!one->has_value() || (one == &attempt_ && failed_)) continue;
    const auto index = (*one)->half.context().IndexOf(site);
    if (index) Relay(**one, masking::SiteConnected{*index});
  }
}

void AggregatorMasking::Relay(Attempt& attempt, const masking::AggregatorEvent& event) {
  for (const auto& effect : attempt.half.Handle(event)) {
    const auto* send = std::get_if<masking::Send>(&effect);
    if (send == nullptr) continue;
    node_.Tell(attempt.half.context().seats[send->site].site, send->message);
  }
}

void AggregatorMasking::LeaveOut() {
  if (!Lives()) return;
  const masking::AggregatorHalf& half = attempt_->half;
  if (half.phase() < Phase::kAgreeing || !IsOpen(half.phase())) return;
  const masking::Context context = half.context();
  const masking::Sites sharers = half.sharers();
  for (uint32_t i = 0; i < context.site_count(); ++i) {
    if (std::ranges::binary_search(sharers, i)) continue;
    node_.Feed(round::Exclude{context.seats[i].site, "masking"});
  }
}

// How long a phase may take
// -------------------------------------------------------------------------

void AggregatorMasking::OpenAgainLater() {
  if (!Lives()) return;
  const double seconds = std::chrono::duration<double>(masking::kSayAgainAfter).count();
  world_.After(seconds, World::kAggregator, [this, at = attempt_->at] {
    if (!Lives() || attempt_->at != at || failed_) return;
    if (attempt_->half.phase() != Phase::kAdvertising) return;
    Relay(*attempt_, masking::OpenAgain{});
    OpenAgainLater();
  });
}

void AggregatorMasking::ArmTimer() {
  const uint64_t timer = ++timer_;
  const Phase phase = attempt_->half.phase();
  const auto patience = masking::PatienceOf(phase, node_.core().manifest(), merge_.has_value());
  if (!patience) return;
  const double seconds = static_cast<double>(patience->count()) / 1e6;
  world_.After(seconds, World::kAggregator, [this, timer, phase] {
    if (timer != timer_ || !Lives() || attempt_->half.phase() != phase) return;
    if (phase == Phase::kUploading) return FixSurvivors(true);
    if (phase == Phase::kOpening || phase == Phase::kChecking) return Fail("masking-unverified");
    Push(masking::PhaseOverdue{});
    LeaveOut();
  });
}

}  // namespace dure::sim
