// What a site makes of the sum of a masked round: whether it is what was sent, and may be taken.
#include <algorithm>

#include "federation/crash_point.h"
#include "federation/masking/run_terms.h"
#include "federation/masking/weighing.h"
#include "site/masking_desk.h"

namespace dure::site {
namespace {

constexpr std::chrono::seconds kCheckAgain{1};

}  // namespace

void MaskingDesk::Do(const masking::CheckSegment& effect) {
  if (checking_) return;
  checking_ = true;
  auto fetch = [this, planes = effect.planes]() -> Status {
    if (shop_.store.Has(planes)) return {};
    return shop_.data.Download(planes, shop_.store, shop_.stop);
  };
  loop::RunFor(alive_, shop_.loop, shop_.transfers, fetch, [this, effect](const Status& fetched) {
    if (fetched) return CheckNow(effect);
    checking_ = false;
    Say("cannot fetch the sum: " + fetched.error().message);
    CheckAgainLater();
  });
}

void MaskingDesk::CheckNow(const masking::CheckSegment& effect) {
  const masking::Context& context = half_.context();
  if (effect.context != context.Id()) return Checked();
  const masking::Weighing weighing = masking::WeighingOf(participation_.manifest());
  auto refused = masking::CheckWeights(weighing, effect.scalars, effect.survivors);
  if (!refused) {
    refused = masking::CheckSaturation(participation_.manifest(), effect.scalars,
                                       context.agreed.parameter_count, effect.survivors);
  }
  if (refused) {
    checking_ = false;
    return Push(masking::SumRefused{effect.context, *std::move(refused)});
  }
  const auto sums = masking::WordLayout::Make(context.agreed.lane_max, effect.survivors,
                                              context.agreed.parameter_count);
  if (!sums) return NotChecked(effect.context, sums.error());
  const CheckWith with{.sums = *sums,
                       .coefficients = effect.coefficients,
                       .planes = effect.planes,
                       .published = effect.scalars,
                       .own = own_,
                       .is_survivor = half_.survives(effect.segment),
                       .weighing = weighing};
  auto work = [this, with, round = own_round_] {
    codec::Work pace;
    pace.threads = shop_.threads;
    return CheckSum(with, folder_, round, shop_.store, pace);
  };
  loop::RunFor(alive_, shop_.loop, shop_.compute, work,
               [this, effect](const Result<masking::CheckProducts>& products) {
                 if (!products) return NotChecked(effect.context, products.error());
                 CrashPoint("site.sum-checked");
                 Push(masking::SegmentChecked{effect.context, effect.segment, products->own,
                                              products->result});
                 Checked();
               });
}

// A sum that is out of form, or beyond what its sites can reach, is none; and one that nothing here
// shows to be right is not said to be. What else went wrong may go right the next time.
void MaskingDesk::NotChecked(const Digest& context, const Error& error) {
  checking_ = false;
  Say("the sum cannot be checked: " + error.message);
  const bool forged = error.code == ErrorCode::kInvalid || error.code == ErrorCode::kCorrupt;
  if (!forged && error.code != ErrorCode::kFailedPrecondition) return CheckAgainLater();
  const uint32_t accused = forged ? masking::kAggregator : masking::kNobody;
  Push(masking::SumRefused{context, {masking::Refusal::kAggregate, error.message, accused}});
  Checked();
}

void MaskingDesk::CheckAgainLater() {
  shop_.loop.At(shop_.loop.Now() + kCheckAgain, [this, alive = alive_] {
    if (*alive && half_.phase() == masking::SitePhase::kChecking) Resume();
  });
}

// What is to be checked by now may be another attempt's sum.
void MaskingDesk::Checked() {
  checking_ = false;
  if (half_.phase() == masking::SitePhase::kChecking) Resume();
}

// At once, and not when the effect is performed: a Persist before it already keeps the half that
// comes after it, and a half that has concluded does not do so again.
void MaskingDesk::Conclude(const std::vector<masking::SiteEffect>& effects) {
  // What an older build may have given up begins here, after all: it had not begun there.
  if (concluded_ && concluded_->verdict == Verdict::kGivenUp &&
      IsUnderWay(concluded_->base, concluded_->attempt)) {
    concluded_.reset();
  }
  for (const masking::SiteEffect& effect : effects) {
    if (const auto* refused = std::get_if<masking::RefuseRound>(&effect)) {
      const masking::Refusal rule = refused->refused.rule;
      if (rule != masking::Refusal::kAggregate && rule != masking::Refusal::kSaturation) continue;
      const masking::Context& context = refused->context;
      concluded_ = Conclusion{context.agreed.model, context.attempt, Verdict::kForged, {}, {}, {}};
    }
    const auto* accept = std::get_if<masking::Accept>(&effect);
    if (accept == nullptr) continue;
    const masking::SegmentAccepted& sum = accept->segments.front();
    const masking::Context& context = half_.context();
    concluded_ = Conclusion{context.agreed.model, context.attempt, Verdict::kRight,
                            sum.planes,           sum.scalars,     {}};
    for (const uint32_t site : sum.survivors) {
      concluded_->survivors.push_back(context.seats[site].site);
    }
  }
}

void MaskingDesk::Do(const masking::Accept& effect) {
  const size_t sites = effect.segments.front().survivors.size();
  Say("the sum of " + std::to_string(sites) + " sites is what they sent");
  Drop(own_round_);
}

MaskingDesk::Judgement MaskingDesk::Judge(const round::Outcome& outcome,
                                          const ledger::RoundClosed& logged) const {
  const bool is_it = concluded_ && concluded_->base == outcome.base.model &&
                     concluded_->attempt == outcome.at.attempt;
  if (is_it && concluded_->verdict == Verdict::kForged) return Judgement::kDissent;
  if (is_it && concluded_->verdict == Verdict::kRight) {
    const round::Sums sums = masking::SumsOf(concluded_->sums);
    const ledger::MaskedSums checked{sums.weight, sums.tokens, sums.steps, sums.saturated_lanes};
    const bool same_sites =
        std::ranges::equal(concluded_->survivors, outcome.counted, {}, {}, &round::Counted::site);
    const bool holds = same_sites && concluded_->planes == outcome.aggregate &&
                       outcome.weight_sum == checked.weight && logged.sums == checked;
    return holds ? Judgement::kHolds : Judgement::kDissent;
  }
  const bool counted = std::ranges::find(outcome.counted, shop_.site, &round::Counted::site) !=
                       outcome.counted.end();
  if (!counted) return Judgement::kHolds;
  if (lost_ || is_it) {
    Say("what this site would check the sum by was lost: it has the record's word for it");
    return Judgement::kHolds;
  }
  const bool under_way = IsUnderWay(outcome.base.model, outcome.at.attempt);
  return under_way ? Judgement::kWaits : Judgement::kDissent;
}

bool MaskingDesk::IsUnderWay(const Digest& base, uint32_t attempt) const {
  const masking::Context& context = half_.context();
  return IsUnderWay() && context.agreed.model == base && context.attempt == attempt;
}

}  // namespace dure::site
