// The simulated aggregator's masking, part two: from uploads to a sum.
#include <algorithm>

#include "federation/masking/inner_product.h"
#include "federation/masking/run_terms.h"
#include "federation/masking/unmask.h"
#include "federation/masking/weighing.h"
#include "tests/sim/aggregator_masking.h"
#include "tests/sim/world.h"

namespace dure::sim {

using Phase = masking::AggregatorPhase;

void AggregatorMasking::Sum(const round::StartMerge& merge) {
  if (!attempt_ || attempt_->at != merge.at || attempt_->half.phase() == Phase::kAbandoned) {
    return node_.Feed(round::AttemptFailed{merge.at, refusal_.empty() ? "masking" : refusal_});
  }
  merge_ = merge;
  if (const auto objection = ObjectionTo(merge)) return Fail(masking::CodeOf(objection->rule));
  const uint64_t bytes = attempt_->half.context().SegmentLayout(0).PayloadBytes();
  for (const round::Contribution& one : merge.contributions) {
    if (!Lives()) return;
    const auto index = attempt_->half.context().IndexOf(one.site);
    if (index) Push(masking::Stored{*index, 0, one.blob, bytes});
  }
  if (Lives()) FixSurvivors(false);
  if (Lives()) Derive();
  if (Lives()) TryFinish();
}

void AggregatorMasking::FixSurvivors(bool overdue) {
  masking::AggregatorHalf& half = attempt_->half;
  if (half.phase() == Phase::kUploading) {
    if (!merge_) return;
    const bool all_said = std::ranges::all_of(merge_->contributions, [&half](const auto& one) {
      const auto index = half.context().IndexOf(one.site);
      return index && half.has_uploaded(*index, 0);
    });
    if (!all_said && !overdue) return ArmTimer();
    if (!all_said) return Fail("masking-survivors");
    Push(masking::PhaseOverdue{});
  }
  if (!Lives() || !merge_) return;
  if (half.phase() < Phase::kSurviving || half.phase() >= Phase::kFinished) return;
  std::vector<SiteId> survivors;
  for (const uint32_t i : half.survivors(0)) survivors.push_back(half.context().seats[i].site);
  if (!std::ranges::equal(survivors, merge_->contributions, {}, {}, &round::Contribution::site)) {
    Fail("masking-survivors");
  }
}

void AggregatorMasking::Do(const masking::Send& effect) {
  const masking::Context& context = attempt_->half.context();
  const auto decoded = masking::DecodeMessage(effect.message);
  const auto* sharers = decoded ? std::get_if<masking::Sharers>(&*decoded) : nullptr;
  if (sharers) world_.secrecy().Shared(context.Id(), sharers->sites);
  Bytes message = effect.message;
  const SiteId to = context.seats[effect.site].site;
  if (world_.scenario().lie != Lie::kNone) Bend(effect.site, message);
  if (!message.empty()) node_.Tell(to, message);
}

void AggregatorMasking::Bend(uint32_t to, Bytes& message) {
  const Lie lie = world_.scenario().lie;
  if (lie == Lie::kOldMessages) {
    const Bytes now = message;
    if (!said_.empty() && world_.Draw() % 2 == 0) message = said_[world_.Draw() % said_.size()];
    if (message != now) node_.Tell(attempt_->half.context().seats[to].site, now);
    if (said_.size() < 500) said_.push_back(now);
    return;
  }
  if (lie == Lie::kMangled) return Mangle(to, message);
  const auto decoded = masking::DecodeMessage(message);
  if (lie == Lie::kUnheard && decoded) return BendChecks(*decoded, message);
  const auto* told = decoded ? std::get_if<masking::Survivors>(&*decoded) : nullptr;
  if (told == nullptr) return;
  masking::Survivors other = *told;
  const uint32_t threshold = attempt_->half.context().threshold;
  if (lie == Lie::kSplitSurvivors && to % 2 == 1 && other.uploads.size() > threshold) {
    // Each of that half believes to be in, and somebody else to be lost.
    const uint32_t gone = to == 1 ? 0 : 1;
    other.uploads.erase(other.uploads.begin() + gone);
  }
  if (lie == Lie::kFewSurvivors) {
    std::erase_if(other.uploads, [to, left = threshold - 1](const Bytes& upload) mutable {
      const auto site = masking::DecodeSigned<masking::Uploaded>(upload).value().header.site;
      return site != to && (left <= 1 || --left == 0);
    });
  }
  message = masking::EncodeMessage(other);
}

// Half of what is mangled comes after the true message, half in its place.
void AggregatorMasking::Mangle(uint32_t to, Bytes& message) {
  const Bytes now = std::exchange(told_each_[to], message);
  const auto decoded = masking::DecodeMessage(message);
  const auto other = told_each_.find(world_.Draw() % told_each_.size());
  if (world_.Draw() % 4 != 0 || message.empty() || !decoded) return;
  const Bytes whole = message;
  switch (world_.Draw() % 6) {
    case 0:
      message.resize(world_.Draw() % message.size());
      break;
    case 1:
      message.push_back(0);
      break;
    case 2:
      message[world_.Draw() % message.size()] ^= 1U << world_.Draw() % 8;
      break;
    case 3:
      message = heard_[to];
      break;
    case 4:
      message = other != told_each_.end() ? other->second : now;
      break;
    default:
      message = Renamed(*decoded);
  }
  if (world_.Draw() % 2 == 0) node_.Tell(attempt_->half.context().seats[to].site, whole);
}

// The same with one site named twice, or two in each other's place.
Bytes AggregatorMasking::Renamed(const masking::Message& said) {
  const bool twice = world_.Draw() % 2 == 0;
  const auto rename = [twice](auto& list) {
    if (list.size() < 2) return;
    if (twice) {
      list.back() = list.front();
    } else {
      std::swap(list.front(), list.back());
    }
  };
  masking::Message other = said;
  if (auto* survivors = std::get_if<masking::Survivors>(&other)) rename(survivors->uploads);
  if (auto* sharers = std::get_if<masking::Sharers>(&other)) rename(sharers->sites);
  return masking::EncodeMessage(other);
}

// Once all check values are in, each site hears in their place of other survivors than it signed,
// and refuses when nobody waits for it any more.
void AggregatorMasking::BendChecks(const masking::Message& said, Bytes& message) {
  if (const auto* told = std::get_if<masking::Survivors>(&said)) told_ = *told;
  const auto* values = std::get_if<masking::Signed<masking::CheckValues>>(&said);
  if (values == nullptr || told_.uploads.empty()) return;
  std::set<uint32_t>& all = checked_[values->header.context];
  all.insert(values->header.site);
  if (all.size() < told_.uploads.size()) return message.clear();
  masking::Survivors other = told_;
  other.uploads.pop_back();
  message = masking::EncodeMessage(other);
}

round::Sums AggregatorMasking::SumsToRecord() const {
  round::Sums sums = masking::SumsOf(published_->segments.front().scalars);
  if (world_.scenario().lie == Lie::kUnheard) ++sums.weight;
  return sums;
}

void AggregatorMasking::Do(const masking::Culprit& effect) {
  if (refusal_.empty()) refusal_ = masking::CodeOf(effect.refused.rule);
  world_.Trace(World::kAggregator, "culprit", effect.refused.why);
  const masking::AggregatorHalf& half = attempt_->half;
  const bool complains = effect.refused.accused != effect.site;
  const bool summing = half.phase() >= Phase::kSurviving && half.phase() < Phase::kFinished;
  if (!complains || !summing) return;
  if (!std::ranges::binary_search(half.survivors(0), effect.site)) return;
  if (std::exchange(disputed_, true)) return;
  world_.After(1, World::kAggregator,
               [this, at = attempt_->at, code = masking::CodeOf(effect.refused.rule)] {
                 if (Lives() && attempt_->at == at) Fail(code);
               });
}

void AggregatorMasking::Do(const masking::Abandon& effect) {
  world_.Trace(World::kAggregator, "no sum", effect.why);
  node_.Feed(round::AttemptFailed{attempt_->at, refusal_.empty() ? "masking" : refusal_});
}

void AggregatorMasking::Do(const masking::UnmaskSegment& effect) {
  if (unmasking_) return;
  unmasking_ = true;
  world_.After(world_.Between(0.05, 0.5), World::kAggregator, [this, effect, at = attempt_->at] {
    unmasking_ = false;
    if (!Lives() || attempt_->at != at) return;
    const masking::WordLayout masked = attempt_->half.context().SegmentLayout(0);
    const auto count = static_cast<uint32_t>(effect.survivors.size());
    const auto sums = masking::WordLayout::Make(masked.lane_max(), count, kParameters).value();
    const masking::Masks undo(effect.undo);
    const masking::WordRange all{0, kParameters};
    std::vector<Bytes> payloads;
    std::vector<codec::PlaneView> uploads;
    std::vector<masking::Scalars> scalars;
    for (const masking::SegmentPayload& one : effect.survivors) {
      payloads.push_back(world_.Blob(one.payload));
      scalars.push_back(ReadScalars(masked, payloads.back()));
    }
    for (Bytes& payload : payloads) {
      const masking::PlaneSpan span = PlanesOf(masked, payload, all);
      uploads.push_back({span.low, span.high});
    }
    Bytes planes(sums.PlaneBytes());
    const auto sum = masking::UnmaskScalars(scalars, undo);
    const bool lies = world_.scenario().lie == Lie::kLightSum;
    const auto weighing = lies ? masking::Weighing() : masking::WeighingOf(node_.core().manifest());
    const bool exact = sum && !CheckWeights(weighing, *sum, count) &&
                       UnmaskRange(masked, {uploads, undo, LaneSumMax(weighing, sums, *sum)}, all,
                                   sums, PlanesOf(sums, planes, all));
    if (!exact) return world_.Violate("a sum beyond what its sites can reach, and nobody lied");
    const Digest digest = world_.Remember(std::move(planes));
    node_.blobs.insert(digest);
    world_.secrecy().Summed(*sum);
    masking::Scalars told = *sum;
    if (world_.scenario().lie == Lie::kFalseSum) ++told[world_.Draw() % told.size()];
    Push(masking::SegmentUnmasked{effect.segment, true, digest, told});
  });
}

void AggregatorMasking::Do(const masking::MeasureSegment& effect) {
  const masking::WordLayout whole = attempt_->half.context().SegmentLayout(effect.segment);
  const auto sums =
      masking::WordLayout::Make(whole.lane_max(), effect.survivors, kParameters).value();
  Bytes planes = world_.Blob(effect.result.planes);
  const masking::PlaneSpan span = PlanesOf(sums, planes, {0, kParameters});
  std::vector<int32_t> values(kParameters);
  (void)masking::ReadSums(sums, {span.low, span.high}, values);
  const masking::Keystream coefficients(effect.coefficients);
  const uint64_t product =
      masking::FieldSum(InnerProduct(coefficients, effect.result.scalars),
                        InnerProduct(coefficients, 0, std::span<const int32_t>(values)));
  world_.After(world_.Between(0.01, 0.2), World::kAggregator,
               [this, segment = effect.segment, product, at = attempt_->at] {
                 if (!Lives() || attempt_->at != at) return;
                 Push(masking::SegmentMeasured{segment, product});
               });
}

void AggregatorMasking::Do(const masking::Published& effect) {
  if (attempt_->half.phase() == Phase::kAbandoned) return;
  published_ = effect.outcome;
  const auto refused =
      masking::CheckSaturation(node_.core().manifest(), published_->segments.front().scalars,
                               kParameters, attempt_->half.survivors(0).size());
  if (refused) return Fail(std::string(round::kOversaturated));
  Derive();
}

void AggregatorMasking::Derive() {
  if (!merge_ || !published_ || derived_ || deriving_) return;
  deriving_ = true;
  const masking::SegmentResult sum = published_->segments.front();
  world_.After(world_.Between(0.05, 0.5), World::kAggregator, [this, sum, at = merge_->at] {
    deriving_ = false;
    if (!Lives() || !merge_ || merge_->at != at) return;
    derived_ = node_.DeriveFrom(merge_->base, sum.planes,
                                static_cast<uint32_t>(merge_->contributions.size()),
                                SumsToRecord().weight);
    TryFinish();
  });
}

void AggregatorMasking::Do(const masking::Finish& effect) {
  if (!effect.unverified.empty()) return Fail("masking-unverified");
  finished_ = true;
  TryFinish();
}

void AggregatorMasking::TryFinish() {
  if (!merge_ || !published_ || !derived_ || !finished_ || disputed_) return;
  const masking::SegmentResult& sum = published_->segments.front();
  const round::Merged merged{merge_->at, sum.planes, *derived_, SumsToRecord(), {}};
  merge_.reset();
  node_.Feed(merged);
}

void AggregatorMasking::Fail(std::string reason) {
  if (std::exchange(failed_, true) || attempt_->half.phase() == Phase::kAbandoned) return;
  merge_.reset();
  refusal_ = reason;
  Push(masking::Failed{std::move(reason)});
}

void AggregatorMasking::Forsake() {
  failed_ = true;
  masking::AggregatorHalf& half = attempt_->half;
  if (half.phase() == Phase::kAbandoned) return;
  const Release release = half.release();
  (void)half.Handle(masking::Failed{"the round went on without it"});
  UseUp(release);
  Keep();
}

}  // namespace dure::sim
