#include "tests/sim/site_masking.h"

#include <algorithm>

#include "federation/check.h"
#include "federation/masking/inner_product.h"
#include "federation/masking/run_terms.h"
#include "federation/masking/unmask.h"
#include "federation/masking/weighing.h"
#include "tests/sim/world.h"

namespace dure::sim {

using masking::SitePhase;

namespace {

constexpr uint64_t kBelowZero = uint64_t{1} << 20;

}  // namespace

SiteMasking::SiteMasking(World& world, SiteNode& node)
    : world_(world), node_(node), signer_(node.id().str()) {}

// Lives
// ---------------------------------------------------------------------------------------------

void SiteMasking::Start() {
  half_.emplace(node_.id(), signer_, verifier_, world_.agreement());
  if (!kept_) return;
  auto loaded = masking::SiteHalf::Load(kept_->half, signer_, verifier_, world_.agreement());
  if (!loaded) return world_.Violate("a site's masking state: " + loaded.error().message);
  half_ = std::move(*loaded);
  own_ = kept_->own;
  lanes_ = kept_->lanes;
  bound_ = kept_->bound;
  concluded_ = kept_->concluded;
}

void SiteMasking::Stop() {
  half_.reset();
  bound_.reset();
  concluded_.reset();
  examines_.reset();
  masks_.reset();
  wanted_.reset();
  encoded_.reset();
  ++turn_;
  examining_ = false;
  encoding_ = false;
  checking_ = false;
  queue_.clear();
}

void SiteMasking::Keep() {
  // A site that forgets what it released would release it again.
  const bool forgets =
      kept_ && world_.bug() == Bug::kReleaseTwice && half_->phase() >= SitePhase::kMasking;
  kept_ = Durable{forgets ? kept_->half : half_->Save(), bound_, own_, lanes_, concluded_};
}

// Events
// --------------------------------------------------------------------------------------------

void SiteMasking::Push(const masking::SiteEvent& event) {
  if (!half_) return;
  for (masking::SiteEffect& effect : half_->Handle(event)) {
    // With the step itself: whatever is persisted from now on is of the half after it.
    if (const auto* accept = std::get_if<masking::Accept>(&effect)) Conclude(*accept);
    queue_.push_back(std::move(effect));
  }
  SayAgainLater();
  Drain();
}

void SiteMasking::SayAgainLater() {
  const uint64_t timer = ++timer_;
  if (!half_->waits() || world_.bug() == Bug::kSayOnce) return;
  const double seconds = std::chrono::duration<double>(masking::kSayAgainAfter).count();
  world_.After(seconds, node_.index() + 1, [this, timer] {
    if (!half_ || timer != timer_) return;
    using Phase = round::SitePhase;
    const bool accepted = half_->phase() == SitePhase::kAccepted;
    const Phase last = accepted ? Phase::kReceipted : Phase::kDeriving;
    if (!IsCurrent(half_->context()) || node_.core().phase() > last) return;
    Push(masking::SayAgain{});
  });
}

void SiteMasking::Drain() {
  if (std::exchange(draining_, true)) return;
  while (!queue_.empty()) {
    const masking::SiteEffect effect = std::move(queue_.front());
    queue_.pop_front();
    if (!Perform(effect)) break;
  }
  draining_ = false;
}

bool SiteMasking::Perform(const masking::SiteEffect& effect) {
  if (world_.Happens(world_.faults().crash)) {
    world_.Crash(node_.index() + 1);
    return false;
  }
  if (std::holds_alternative<masking::Persist>(effect)) {
    Keep();
  } else {
    std::visit(
        [this](const auto& one) {
          if constexpr (requires { this->Do(one); }) this->Do(one);
        },
        effect);
  }
  return half_.has_value();
}

void SiteMasking::Resume() { Push(masking::Resumed{}); }

void SiteMasking::Take(const Bytes& message) { Push(masking::FromAggregator{message}); }

void SiteMasking::Look() {
  if (!half_) return;
  GiveUpFormer();
  if (examines_ && !examining_ && node_.core().rostered()) ExamineNow(*examines_);
  TryEncode();
}

void SiteMasking::Uploaded(const Digest& payload) {
  if (!half_ || half_->phase() != SitePhase::kMasking || !IsBound(half_->context_id())) return;
  Push(masking::SegmentMasked{half_->context_id(), 0, payload,
                              half_->context().SegmentLayout(0).PayloadBytes()});
}

bool SiteMasking::IsBound(const Digest& context) const {
  return bound_ && bound_->context == context && bound_->at == node_.core().at();
}

void SiteMasking::GiveUpFormer() {
  const SitePhase phase = half_->phase();
  const bool under_way = phase >= SitePhase::kExamining && phase <= SitePhase::kChecked;
  if (!under_way || !bound_ || bound_->context != half_->context_id()) return;
  const round::RoundAttempt& at = node_.core().at();
  const bool over = node_.core().phase() == round::SitePhase::kEnded;
  const bool elsewhere = at != bound_->at && at.run == bound_->at.run;
  if (!over && !elsewhere) return;
  masks_.reset();
  Push(masking::GiveUp{});
}

bool SiteMasking::IsCurrent(const masking::Context& context) const {
  const Digest id = context.Id();
  if (bound_ && bound_->context == id) return IsBound(id);
  return context.attempt == node_.core().at().attempt &&
         context.round.value >= node_.core().at().round.value;
}

// Effects
// -------------------------------------------------------------------------------------------

void SiteMasking::Do(const masking::Tell& effect) {
  world_.secrecy().Said(effect.message);
  world_.SendToAggregator(node_.index(), round::Masked{node_.core().at().run, effect.message});
  if (world_.bug() != Bug::kNone) Bend(effect.message);
}

void SiteMasking::Do(const masking::SetAside& effect) {
  world_.Trace(node_.index() + 1, "set aside", effect.refused.why);
}

void SiteMasking::Do(const masking::RefuseRound& effect) {
  using masking::Refusal;
  const masking::Refused& refused = effect.refused;
  world_.Trace(node_.index() + 1, Name(refused.rule), refused.why);
  const Digest context = effect.context.Id();
  if (examines_ == context) examines_.reset();
  if (masks_ && masks_->context == context) masks_.reset();
  if (refused.rule == Refusal::kAggregate && world_.bug() == Bug::kTakeAnySum) {
    world_.secrecy().Accepted(sum_in_hand_);
  }
  // Where nobody lies, these would accuse somebody who did nothing.
  for (const Refusal never : {Refusal::kAggregate, Refusal::kKey, Refusal::kBadSignature,
                              Refusal::kPolicyHash, Refusal::kIdentity, Refusal::kThreshold,
                              Refusal::kShares, Refusal::kTranscript, Refusal::kContextMismatch}) {
    const bool lost = never == Refusal::kKey && world_.faults().file_lost > 0;  // a second update
    if (refused.rule != never || lost || world_.scenario().lie != Lie::kNone) continue;
    return world_.Violate(node_.id().str() + " refuses what was honest: " +
                          std::string(Name(never)) + ": " + refused.why);
  }
  if (!IsCurrent(effect.context)) return;  // of an attempt that nobody waits for
  node_.Feed(round::RoundRefused{node_.core().at(), masking::CodeOf(refused.rule)});
}

void SiteMasking::Do(const masking::Examine& effect) {
  examines_ = effect.context.Id();
  if (!examining_ && node_.core().rostered()) ExamineNow(*examines_);
}

void SiteMasking::ExamineNow(const Digest& context) {
  if (!IsCurrent(half_->context())) return;
  examining_ = true;
  world_.After(world_.Between(0.01, 0.3), node_.index() + 1, [this, context] {
    if (!half_) return;
    examining_ = false;
    if (!examines_ || *examines_ != context) return Look();
    if (!IsCurrent(half_->context()) || !node_.core().rostered()) return;
    examines_.reset();
    const round::RoundAttempt& at = node_.core().at();
    bound_ = Bound{context, at, bound_ && bound_->at == at ? bound_->work : 0};
    const masking::Context& open = half_->context();
    masking::Examined examined;
    examined.pinned.self = node_.id();
    examined.pinned.admitted = world_.Seats();
    examined.pinned.recorded = world_.aggregator().log.MaskedSums();
    examined.pinned.cohort = world_.aggregator().log.CohortOf(at);
    const round::RunManifest& manifest = node_.core().manifest();
    examined.pinned.sites_min = manifest.cohort_min;
    examined.pinned.survivors_min = manifest.quorum;
    examined.pinned.helpers = masking::CorruptMaxOf(manifest);
    examined.pinned.round_max.value = at.round.value + 2 * world_.aggregator().log.Attempts();
    const PublicKey key = SimSigner("aggregator").Key();
    examined.pinned.agreed = masking::AgreedOn(
        {manifest, node_.core().base(), "sim", {}, key, kParameters, open.site_count()});
    for (size_t i = 0; i < examined.seed.bytes.size(); ++i) {
      examined.seed.bytes[i] = static_cast<uint8_t>(world_.Draw());
    }
    world_.secrecy().Opened(open);
    Push(examined);
  });
}

// Masking
// -------------------------------------------------------------------------------------------

void SiteMasking::Do(const masking::MaskSegment& effect) {
  if (masks_ && masks_->context != effect.context) former_masks_ = masks_;
  masks_ = effect;
  TryEncode();
}

void SiteMasking::Encode(const round::EncodeUpdate& effect) {
  wanted_ = effect;
  encoded_.reset();
  ++turn_;  // what is being encoded for an attempt before is not wanted any more
  encoding_ = false;
  TryEncode();
}

void SiteMasking::TryEncode() {
  const bool ready = wanted_ && masks_ && !encoding_ && node_.Encodes(wanted_->at) &&
                     half_->phase() == SitePhase::kMasking &&
                     masks_->context == half_->context_id() && IsBound(masks_->context) &&
                     half_->context().agreed.model == wanted_->plan.base.model;
  if (!ready) return;
  if (bound_->work != 0 && bound_->work != wanted_->residual_to) {
    return world_.Violate(node_.id().str() + " has another update to mask in one attempt");
  }
  bound_->work = wanted_->residual_to;
  encoding_ = true;
  world_.After(world_.Between(0.01, 0.2), node_.index() + 1,
               [this, turn = turn_] { EncodeNow(turn); });
}

void SiteMasking::EncodeNow(uint64_t turn) {
  if (!half_ || turn != turn_ || !masks_ || !wanted_) return;
  encoding_ = false;
  const round::EncodeUpdate effect = *std::exchange(wanted_, {});
  if (!node_.Encodes(effect.at)) return;
  auto lanes = node_.EncodeLanes(effect);
  if (!lanes) return;
  masking::MaskSegment with = *masks_;
  if (world_.bug() == Bug::kStaleMasks && former_masks_) with.masks = former_masks_->masks;
  const masking::WordLayout layout = half_->context().SegmentLayout(0);
  own_ = {lanes->weight, effect.tokens, effect.steps, lanes->saturated};
  lanes_ = lanes->bytes;
  under_ = with;
  if (world_.bug() == Bug::kForgetPairMask && with.masks.size() > 1) with.masks.pop_back();
  const masking::Masks masks(with.masks);
  Bytes payload(layout.PayloadBytes());
  const masking::WordRange all{0, kParameters};
  DURE_CHECK(MaskLanes(layout, masks, all, lanes_, PlanesOf(layout, payload, all)),
             "lanes are lanes");
  masking::Scalars scalars = own_;
  if (node_.index() == 0 && world_.scenario().lie == Lie::kLightSum) {
    own_[0] = masking::kFieldPrime - kBelowZero;
    scalars[0] = 0 - kBelowZero;
  }
  masks.Apply(scalars);
  WriteScalars(layout, scalars, payload);
  const Digest blob = world_.Remember(std::move(payload));
  world_.oracle().Clear(blob, world_.Remember(lanes_));
  node_.Encoded(effect, *lanes, blob);
  encoded_ = round::Encoded{effect.round, blob, lanes->weight, lanes->saturated, {}, kParameters};
  Push(masking::SegmentEncoded{half_->context_id(), 0, blob});
}

void SiteMasking::Do(const masking::UploadSegment& effect) {
  if (!encoded_ || encoded_->blob != effect.payload || !IsBound(effect.context)) return;
  world_.secrecy().Masked(under_, lanes_, own_);  // what did not leave shows nothing
  node_.Feed(*std::exchange(encoded_, std::nullopt));
}

// Checking the sum
// ----------------------------------------------------------------------------------

void SiteMasking::Do(const masking::CheckSegment& effect) {
  if (checking_) return;
  checking_ = true;
  world_.After(world_.Between(0.05, 0.5), node_.index() + 1, [this, effect] {
    if (!half_) return;
    checking_ = false;
    if (node_.Fetch(effect.planes)) return CheckNow(effect);
    world_.After(1, node_.index() + 1, [this] {
      if (half_ && half_->phase() == SitePhase::kChecking) Resume();
    });
  });
}

void SiteMasking::CheckNow(const masking::CheckSegment& effect) {
  const masking::Context& context = half_->context();
  if (effect.context != context.Id()) return;
  sum_in_hand_ = effect.scalars;
  const auto weighing = masking::WeighingOf(node_.core().manifest());
  const bool takes_any = world_.bug() == Bug::kTakeLightSum;
  if (auto refused = masking::CheckWeights(weighing, effect.scalars, effect.survivors);
      refused && !takes_any) {
    return Push(masking::SumRefused{effect.context, *std::move(refused)});
  }
  if (auto refused = masking::CheckSaturation(node_.core().manifest(), effect.scalars, kParameters,
                                              effect.survivors)) {
    return Push(masking::SumRefused{effect.context, *std::move(refused)});
  }
  const auto sums =
      masking::WordLayout::Make(context.agreed.lane_max, effect.survivors, kParameters);
  if (!sums) return world_.Violate("a sum without a layout");
  Bytes planes = world_.Blob(effect.planes);
  const masking::WordRange all{0, kParameters};
  const masking::PlaneSpan span = PlanesOf(*sums, planes, all);
  std::vector<int32_t> values(kParameters);
  (void)masking::ReadSums(*sums, {span.low, span.high}, values);
  const masking::Keystream coefficients(effect.coefficients);
  const bool survives = half_->survives(effect.segment);
  const Bytes own_lanes = survives ? lanes_ : Bytes(sums->LowBytes(kParameters));
  const auto both =
      InnerProductsOf(coefficients, 0, values, sums->lane_bytes(), ByteView(own_lanes));
  uint64_t result = InnerProduct(coefficients, effect.scalars);
  result = masking::FieldSum(result, both.of_values);
  const uint64_t own =
      survives ? masking::FieldSum(InnerProduct(coefficients, own_), both.of_lanes) : 0;
  Push(masking::SegmentChecked{effect.context, effect.segment, own, result});
}

void SiteMasking::Do(const masking::Accept& effect) {
  const masking::SegmentAccepted& sum = effect.segments.front();
  world_.secrecy().Accepted(sum.scalars);
  if (masking::CheckWeights(masking::WeighingOf(node_.core().manifest()), sum.scalars,
                            sum.survivors.size())) {
    world_.Violate("a sum is taken of weights that its sites do not have");
  }
  if (masking::CheckSaturation(node_.core().manifest(), sum.scalars, kParameters,
                               sum.survivors.size())) {
    world_.Violate("a sum is taken of which more was cut than the run takes");
  }
}

void SiteMasking::Conclude(const masking::Accept& accept) {
  const masking::SegmentAccepted& sum = accept.segments.front();
  const masking::Context& context = half_->context();
  Conclusion concluded{context.agreed.model, context.attempt, sum.planes, sum.scalars, {}};
  for (const uint32_t site : sum.survivors) {
    concluded.survivors.push_back(context.seats[site].site);
  }
  concluded_ = std::move(concluded);
}

SiteMasking::Judgement SiteMasking::Judge(const round::Outcome& outcome) const {
  const bool is_it = concluded_ && concluded_->base == outcome.base.model &&
                     concluded_->attempt == outcome.at.attempt;
  if (is_it) {
    const bool same =
        std::ranges::equal(concluded_->survivors, outcome.counted, {}, {}, &round::Counted::site) &&
        concluded_->planes == outcome.aggregate &&
        masking::SumsOf(concluded_->sums).weight == outcome.weight_sum;
    return same ? Judgement::kHolds : Judgement::kDissent;
  }
  const bool counted = std::ranges::find(outcome.counted, node_.id(), &round::Counted::site) !=
                       outcome.counted.end();
  if (!counted) return Judgement::kHolds;
  const SitePhase phase = half_->phase();
  const masking::Context& context = half_->context();
  const bool under_way = phase >= SitePhase::kExamining && phase <= SitePhase::kChecked &&
                         context.agreed.model == outcome.base.model &&
                         context.attempt == outcome.at.attempt;
  if (under_way) return Judgement::kWaits;
  return world_.bug() == Bug::kTakeUnchecked ? Judgement::kHolds : Judgement::kDissent;
}

}  // namespace dure::sim
