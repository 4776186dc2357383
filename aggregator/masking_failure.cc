// A masked attempt that comes to no sum, and who is to blame.
#include <algorithm>
#include <utility>

#include "aggregator/masking_desk.h"

namespace dure::aggregator {
namespace {

using Phase = masking::AggregatorPhase;

constexpr std::chrono::seconds kUnmaskAgain{1};
constexpr std::chrono::seconds kOthersLook{1};

// Of one round; a message may be late, or a line down, once.
constexpr uint32_t kSilentMax = 2;

}  // namespace

void MaskingDesk::NoSum(const masking::UnmaskSegment& effect, const Error& error) {
  const round::RoundAttempt at = attempt_->at;
  if (error.code == ErrorCode::kExhausted || error.code == ErrorCode::kUnavailable) {
    shop_.loop.At(shop_.loop.Now() + kUnmaskAgain, [this, alive = alive_, effect, at] {
      if (*alive && attempt_ && attempt_->at == at) Do(effect);
    });
    return;
  }
  shop_.say(at.Text() + ": masking: the sum cannot be had: " + error.message);
  // Whose part breaks the rule nobody can tell.
  const bool broken = error.code == ErrorCode::kCorrupt;
  if (broken && refusal_.empty()) refusal_ = masking::CodeOf(masking::Refusal::kAggregate);
  Push(masking::SegmentUnmasked{effect.segment, false, {}, {}});
}

void MaskingDesk::Do(const masking::Culprit& effect) {
  if (refusal_.empty()) refusal_ = masking::CodeOf(effect.refused.rule);
  shop_.say(attempt_->at.Text() +
            ": masking: " + attempt_->half.context().seats[effect.site].site.str() + ": " +
            std::string(Name(effect.refused.rule)) + ": " + effect.refused.why);
  Blame(effect);
  // A survivor that complains will not say that the sum is right, and an unchecked sum is none.
  const masking::AggregatorHalf& half = attempt_->half;
  const bool complains = effect.refused.accused != effect.site;
  const bool summing = half.phase() >= Phase::kSurviving && IsOpen(half.phase());
  if (complains && summing && std::ranges::binary_search(half.survivors(0), effect.site)) {
    if (std::exchange(disputed_, true)) return;
    // The others see for themselves first.
    shop_.loop.At(shop_.loop.Now() + kOthersLook, [this, alive = alive_, at = attempt_->at,
                                                   code = masking::CodeOf(effect.refused.rule)] {
      if (*alive && attempt_ && attempt_->at == at) Fail(code);
    });
  }
}

void MaskingDesk::Do(const masking::Abandon& effect) {
  // While the disk took nothing another attempt may have begun, which this says nothing of.
  if (attempt_->half.phase() != Phase::kAbandoned) return;
  shop_.say(attempt_->at.Text() + ": masking: no sum: " + effect.why);
  feed_(round::AttemptFailed{attempt_->at, refusal_.empty() ? "masking" : refusal_});
}

// Whom we saw do what no honest site does, or sites of two others did: one member may lie.
void MaskingDesk::Blame(const masking::Culprit& effect) {
  const masking::Context& context = attempt_->half.context();
  const uint32_t accused = effect.refused.accused;
  if (accused >= context.site_count()) return;
  if (!accusations_.Hear(context, effect)) return;
  feed_(
      round::Bar{attempt_->at, context.seats[accused].site, masking::CodeOf(effect.refused.rule)});
}

void MaskingDesk::BarContradicting() {
  const masking::AggregatorHalf& half = attempt_->half;
  for (const uint32_t i : half.Contradicting()) {
    const SiteId& site = half.context().seats[i].site;
    shop_.say(attempt_->at.Text() + ": masking: " + site.str() +
              " says that it uploaded another payload than it submitted");
    feed_(round::Bar{attempt_->at, site, "masking-payload"});
  }
}

// Whoever is out of the attempt for another reason is named with that one.
void MaskingDesk::NoteSilent() {
  const masking::AggregatorHalf& half = attempt_->half;
  if (silent_.first != attempt_->at.round) silent_ = {attempt_->at.round, {}};
  std::string names;
  for (const uint32_t i : half.Awaited()) {
    const SiteId& site = half.context().seats[i].site;
    names += (names.empty() ? "" : ", ") + site.str();
    if (rounds_.OutReason(site) || ++silent_.second[site] < kSilentMax) continue;
    feed_(round::Bar{attempt_->at, site, "masking-silent"});
  }
  if (names.empty()) return;
  shop_.say(attempt_->at.Text() + ": masking: " + std::string(Name(half.phase())) +
            ": not heard in time: " + names);
}

// No sum, though the half itself has not given up. It has then, and with it is kept that its number
// may be used up: before anybody is told, however long the disk takes nothing.
void MaskingDesk::Fail(std::string reason) {
  if (std::exchange(failed_, true) || attempt_->half.phase() == Phase::kAbandoned) return;
  merge_.reset();
  refusal_ = reason;
  Push(masking::Failed{std::move(reason)});
}

// The rounds may have given up what the half did not: they had a reason of their own, or an older
// version did not keep theirs. Shares may have been given all the same. If this is not kept before
// a death, the attempt is found as it was, and counted from there.
void MaskingDesk::Forsake() {
  failed_ = true;
  masking::AggregatorHalf& half = attempt_->half;
  if (half.phase() == Phase::kAbandoned) return;
  const Release release = half.release();
  (void)half.Handle(masking::Failed{"the round went on without it"});
  UseUp(release);
  queue_.Push({masking::PersistAggregator{}});
}

// The disk may have taken a half and not yet that its rounds collect: after a death they had not
// come to its attempt, and now do. They would wait for their deadline for a sum that nobody makes.
// Behind what is not durable yet.
void MaskingDesk::TellForsaken() {
  const bool waits = rounds_.phase() == round::RunPhase::kCollecting;
  if (told_ || !waits || attempt_->half.phase() != Phase::kAbandoned) return;
  told_ = true;
  queue_.Push({masking::Abandon{"it was given up before the round came to it", {}}});
}

// Whoever shared no secrets in time is out of the round too.
void MaskingDesk::LeaveOut() {
  const masking::AggregatorHalf& half = attempt_->half;
  if (half.phase() < Phase::kAgreeing || !IsOpen(half.phase())) return;
  const masking::Context& context = half.context();
  for (uint32_t i = 0; i < context.site_count(); ++i) {
    if (std::ranges::binary_search(half.sharers(), i)) continue;
    feed_(round::Exclude{context.seats[i].site, "masking"});
  }
}

}  // namespace dure::aggregator
