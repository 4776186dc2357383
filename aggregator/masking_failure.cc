// A masked attempt that comes to no sum, and who is to blame.
#include <algorithm>
#include <utility>

#include "aggregator/masking_desk.h"

namespace dure::aggregator {
namespace {

using Phase = masking::AggregatorPhase;

constexpr std::chrono::seconds kOthersLook{1};

}  // namespace

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
  shop_.say(attempt_->at.Text() + ": masking: no sum: " + effect.why);
  feed_(round::AttemptFailed{attempt_->at, refusal_.empty() ? "masking" : refusal_});
}

// Whom we saw do what no honest site does, or two others did: one alone may lie.
void MaskingDesk::Blame(const masking::Culprit& effect) {
  const masking::Context& context = attempt_->half.context();
  const uint32_t accused = effect.refused.accused;
  if (accused >= context.site_count()) return;
  std::set<uint32_t>& accusers = accusers_[accused];
  accusers.insert(effect.site);
  if (!accusers.contains(accused) && accusers.size() < 2) return;
  feed_(
      round::Bar{attempt_->at, context.seats[accused].site, masking::CodeOf(effect.refused.rule)});
}

// No sum, though the half itself has not given up.
void MaskingDesk::Fail(std::string reason) {
  if (std::exchange(failed_, true)) return;
  const round::RoundAttempt at = attempt_->at;
  UseUp(attempt_->half.release());
  merge_.reset();
  // The number is used up, whatever happens next.
  if (!shop_.journal.Apply(journal::Change().Put(Key(), Save()))) {
    shop_.say(at.Text() + ": masking: the disk does not take that it failed");
  }
  shop_.say(at.Text() + ": masking: no sum: " + reason);
  feed_(round::AttemptFailed{at, std::move(reason)});
}

}  // namespace dure::aggregator
