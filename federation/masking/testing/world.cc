#include "federation/masking/testing/world.h"

#include <algorithm>

#include "federation/check.h"
#include "federation/codec/lane.h"
#include "federation/masking/inner_product.h"
#include "federation/masking/shamir.h"

namespace dure::masking {
namespace {

std::unique_ptr<Ed25519Signer> SignerOf(Random& chance, Bytes& seed) {
  seed.resize(32);
  chance.Fill(seed);
  return std::move(*Ed25519Signer::FromSeed(seed));
}

std::vector<WordRange> RunsOf(const WordLayout& layout) {
  std::vector<WordRange> runs;
  for (uint64_t at = 0; at < layout.parameter_count(); at += codec::kSegmentParameters) {
    runs.push_back({at, std::min(at + codec::kSegmentParameters, layout.parameter_count())});
  }
  return runs;
}

}  // namespace

World::World(WorldShape shape) : shape_(shape), chance_(shape.seed) {
  aggregator_signer_ = SignerOf(chance_, signing_seeds[kAggregator]);
  agreed_.federation = "test";
  agreed_.run = RunId::Parse("run").value();
  agreed_.policy = Sha256(AsBytes("policy"));
  agreed_.model = Sha256(AsBytes("model"));
  agreed_.lane_max = shape.lane_max;
  agreed_.parameter_count = shape.parameters;
  agreed_.segment_parameters = codec::kSegmentParameters;
  agreed_.rules = {shape.members_min, shape.survivors_permille, shape.sites_per_batch,
                   shape.forbid_differences};
  const uint32_t threshold = shape.threshold == 0 ? ThresholdFor(shape.sites) : shape.threshold;
  agreed_.corrupt_max = shape.corrupt_max.value_or(CorruptMax(shape.sites, threshold));
  agreed_.aggregator = aggregator_signer_->Key();
  sites_.resize(shape.sites);
  for (uint32_t i = 0; i < shape.sites; ++i) {
    const std::string name = "s" + std::to_string(100 + i);
    sites_[i].signer = SignerOf(chance_, signing_seeds[i]);
    seats_.push_back({SiteId::Parse(name).value(), MemberId::Parse("m" + name).value(),
                      sites_[i].signer->Key(), i / shape.sites_per_batch});
    sites_[i].half = std::make_unique<SiteHalf>(seats_.back().site, *sites_[i].signer, verifier_);
    sites_[i].saved = sites_[i].half->Save();
  }
}

void World::DrawLanes() {
  for (uint32_t i = 0; i < shape_.sites; ++i) {
    Site& site = sites_[i];
    site.lanes.clear();
    site.masked = 0;
    for (uint64_t& scalar : site.scalars) scalar = chance_.Below(kScalarMax);
    for (uint32_t g = 0; g < context_.segment_count(); ++g) {
      const WordLayout layout = context_.SegmentLayout(g);
      Bytes& lanes = site.lanes[g];
      lanes.resize(layout.LowBytes(layout.parameter_count()));
      chance_.Fill(lanes);
      for (uint64_t k = 0; layout.lane_bytes() == 1 && k < layout.parameter_count(); ++k) {
        const int lane = static_cast<int8_t>(lanes[k]) % (shape_.lane_max + 1);
        lanes[k] = static_cast<uint8_t>(lane);
      }
      for (uint64_t k = 0; layout.lane_bytes() == 2 && k < layout.parameter_count(); ++k) {
        if (lanes[2 * k] == 0 && lanes[2 * k + 1] == 0x80) lanes[2 * k] = 1;  // not -32768
      }
      if (contribute) contribute(i, lanes);
    }
  }
}

void World::Open(uint64_t round, uint32_t attempt) {
  context_ = {};
  context_.agreed = agreed_;
  context_.round = {round};
  context_.attempt = attempt;
  for (uint32_t i = 0; i < shape_.sites; ++i) {
    if (!absent.contains(i)) context_.seats.push_back(seats_[i]);
  }
  context_.threshold =
      shape_.threshold == 0 ? ThresholdFor(context_.site_count()) : shape_.threshold;
  for (const Site& site : sites_) {
    const auto& released = site.half->history().released();
    const bool later =
        released && (!context_.previous || context_.previous->round < released->round);
    if (later) context_.previous = released;
  }
  if (compose) compose(context_);
  abandoned.reset();
  published.reset();
  finished.reset();
  accepted.clear();
  queue_.clear();
  DrawLanes();
  aggregator_ = std::make_unique<AggregatorHalf>(context_, *aggregator_signer_, verifier_);
  aggregator_saved_ = aggregator_->Save();
  HandleAggregator(Begin{});
}

void World::RunAttempt(uint64_t round, uint32_t attempt) {
  Open(round, attempt);
  RunUntilQuiet();
  for (int i = 0; i < 12 && !abandoned && !finished; ++i) Overdue();
  for (uint32_t i = 0; i < shape_.sites; ++i) {
    if (!sites_[i].dead) HandleSite(i, CheckOverdue{});
  }
  RunUntilQuiet();
}

void World::Overdue() {
  HandleAggregator(PhaseOverdue{});
  RunUntilQuiet();
}

void World::SayAgain() {
  for (uint32_t i = 0; i < shape_.sites; ++i) {
    if (sites_[i].half->waits()) HandleSite(i, masking::SayAgain{});
  }
  HandleAggregator(OpenAgain{});
  RunUntilQuiet();
}

void World::RunUntilQuiet() {
  while (!queue_.empty()) {
    const auto next = std::move(queue_.front());
    queue_.pop_front();
    next();
  }
}

uint32_t World::SiteOf(uint32_t index) const {
  const auto at = std::find_if(seats_.begin(), seats_.end(), [&](const Seat& seat) {
    return seat.site == context_.seats[index].site;
  });
  return static_cast<uint32_t>(at - seats_.begin());
}

std::optional<uint32_t> World::IndexOf(uint32_t i) const {
  return context_.IndexOf(seats_[i].site);
}

bool World::Dies(uint32_t i) {
  Site& site = sites_[i];
  const auto death = deaths.find(i);
  if (death == deaths.end() || site.dead) return site.dead;
  const bool late =
      death->second.phase == SitePhase::kMasking && site.masked < death->second.segments;
  const SitePhase phase = site.half->phase();
  site.dead = phase >= death->second.phase && phase <= SitePhase::kChecked && !late;
  return site.dead;
}

void World::HandleSite(uint32_t i, const SiteEvent& event) {
  if (Dies(i)) return;
  PerformSite(i, sites_[i].half->Handle(event));
}

void World::PerformSite(uint32_t i, std::vector<SiteEffect> effects) {
  Site& site = sites_[i];
  for (const SiteEffect& effect : effects) {
    if (Dies(i)) return;
    const auto* said = std::get_if<Tell>(&effect);
    if (said != nullptr) CheckDurable(i, said->message);
    if (std::holds_alternative<Persist>(effect)) {
      site.saved = site.half->Save();
      if (static_cast<double>(chance_.Below(1000)) < 1000 * restart_chance) {
        // Died between its journal and the rest of what it was to do.
        auto loaded = SiteHalf::Load(site.saved, *site.signer, verifier_);
        DURE_CHECK(loaded.has_value(), "what was saved loads");
        *site.half = *std::move(loaded);
        queue_.push_back([this, i] { HandleSite(i, Resumed{}); });
        const auto index = IndexOf(i);
        if (index) queue_.push_back([this, at = *index] { HandleAggregator(SiteConnected{at}); });
        return;
      }
      continue;
    }
    std::visit(
        [&](const auto& one) {
          if constexpr (!std::is_same_v<std::decay_t<decltype(one)>, Persist>) Perform(i, one);
        },
        effect);
  }
}

void World::Perform(uint32_t i, const Tell& said) {
  const auto index = IndexOf(i);
  if (index) Speak(*index, said.message);
}

void World::Speak(uint32_t index, Bytes message) {
  if (tamper) tamper(false, index, message);
  if (message.empty()) return;
  queue_.push_back([this, index, message = std::move(message)] {
    seen.emplace_back(index, message);
    HandleAggregator(FromSite{index, message});
  });
}

Pinned World::PinnedOf(uint32_t i) const {
  Pinned pinned{.agreed = agreed_, .self = seats_[i].site, .admitted = seats_};
  for (const Seat& seat : context_.seats) pinned.cohort.push_back(seat.site);
  return pinned;
}

void World::Perform(uint32_t i, const Examine&) {
  Examined examined{PinnedOf(i), {}};
  chance_.Fill(examined.seed.bytes);
  seeds[i] = examined.seed;
  if (pin) pin(i, examined.pinned);
  queue_.push_back([this, i, examined] { HandleSite(i, examined); });
}

void World::Perform(uint32_t i, const MaskSegment& mask) {
  Site& site = sites_[i];
  const WordLayout layout = context_.SegmentLayout(mask.segment);
  const Masks masks(remask ? remask(i, mask.masks) : mask.masks);
  Bytes payload(layout.PayloadBytes());
  for (const WordRange run : RunsOf(layout)) {
    const ByteView lanes = ByteView(site.lanes.at(mask.segment))
                               .subspan(layout.LowBytes(run.begin), layout.LowBytes(run.size()));
    if (!MaskLanes(layout, masks, run, lanes, PlanesOf(layout, payload, run))) return;
  }
  Scalars scalars = site.scalars;
  masks.Apply(scalars);
  WriteScalars(layout, scalars, payload);
  const Digest digest = Sha256(payload);
  blobs_[digest] = std::move(payload);
  queue_.push_back([this, i, mask, digest] {
    HandleSite(i, SegmentEncoded{mask.context, mask.segment, digest});
  });
}

void World::Perform(uint32_t i, const UploadSegment& upload) {
  const auto bytes = static_cast<uint64_t>(blobs_.at(upload.payload).size());
  masked_bytes += bytes;
  queue_.push_back([this, i, upload, bytes] {
    if (Dies(i)) return;
    ++sites_[i].masked;
    HandleAggregator(Stored{*IndexOf(i), upload.segment, upload.payload, bytes});
    HandleSite(i, SegmentMasked{upload.context, upload.segment, upload.payload, bytes});
  });
}

void World::Perform(uint32_t i, const CheckSegment& check) {
  const WordLayout whole = context_.SegmentLayout(check.segment);
  const WordLayout sums =
      WordLayout::Make(whole.lane_max(), check.survivors, whole.parameter_count()).value();
  const Keystream coefficients(check.coefficients);
  Bytes planes = blobs_.at(check.planes);
  DURE_CHECK(Sha256(planes) == check.planes, "a blob is what its digest says");
  uint64_t own = InnerProduct(coefficients, sites_[i].scalars);
  uint64_t result = InnerProduct(coefficients, check.scalars);
  for (const WordRange run : RunsOf(sums)) {
    const PlaneSpan span = PlanesOf(sums, planes, run);
    std::vector<int32_t> values(run.size());
    (void)ReadSums(sums, {span.low, span.high}, values);  // beyond reach a driver refuses it
    const ByteView lanes = ByteView(sites_[i].lanes.at(check.segment))
                               .subspan(sums.LowBytes(run.begin), sums.LowBytes(run.size()));
    const InnerProducts both =
        InnerProductsOf(coefficients, run.begin, values, sums.lane_bytes(), lanes);
    result = FieldSum(result, both.of_values);
    own = FieldSum(own, both.of_lanes);
  }
  products[{i, check.segment}] = own;
  queue_.push_back([this, i, check, own, result] {
    if (object) return HandleSite(i, SumRefused{check.context, *object});
    HandleSite(i, SegmentChecked{check.context, check.segment, own, result});
  });
}

void World::Perform(uint32_t i, const RefuseRound& refuse) {
  refusals[i] = {std::string(Name(refuse.refused.rule)), refuse.refused.why,
                 refuse.refused.accused};
}

void World::Perform(uint32_t i, const SetAside& aside) {
  set_aside[i] = std::string(Name(aside.refused.rule));
}

void World::HandleAggregator(const AggregatorEvent& event) {
  PerformAggregator(aggregator_->Handle(event));
}

void World::PerformAggregator(std::vector<AggregatorEffect> effects) {
  for (const AggregatorEffect& effect : effects) {
    if (std::holds_alternative<PersistAggregator>(effect)) {
      aggregator_saved_ = aggregator_->Save();
      if (static_cast<double>(chance_.Below(1000)) < 1000 * restart_chance) {
        auto loaded = AggregatorHalf::Load(aggregator_saved_, *aggregator_signer_, verifier_);
        DURE_CHECK(loaded.has_value(), "what was saved loads");
        *aggregator_ = *std::move(loaded);
        queue_.push_back([this] { HandleAggregator(Begin{}); });
        return;
      }
    } else if (const auto* send = std::get_if<masking::Send>(&effect)) {
      Perform(*send);
    } else if (const auto* unmask = std::get_if<UnmaskSegment>(&effect)) {
      Perform(*unmask);
    } else if (const auto* measure = std::get_if<MeasureSegment>(&effect)) {
      Perform(*measure);
    } else if (const auto* culprit = std::get_if<Culprit>(&effect)) {
      culprits.push_back(*culprit);
    } else if (const auto* abandon = std::get_if<Abandon>(&effect)) {
      abandoned = *abandon;
    } else if (const auto* outcome = std::get_if<Published>(&effect)) {
      published = outcome->outcome;
    } else if (const auto* finish = std::get_if<Finish>(&effect)) {
      finished = *finish;
    }
  }
}

void World::Inject(uint32_t index, Bytes message) {
  const uint32_t i = SiteOf(index);
  queue_.push_back(
      [this, i, message = std::move(message)] { HandleSite(i, FromAggregator{message}); });
}

void World::Perform(const masking::Send& send) {
  // That sites may have enough to give their shares has to outlive the aggregator.
  const auto said = DecodeMessage(send.message);
  const bool agrees = said && std::holds_alternative<Signed<Agreement>>(*said);
  const bool known = !agrees || !aggregator_->may_be_released() ||
                     AggregatorHalf::Load(aggregator_saved_, *aggregator_signer_, verifier_)
                         .value()
                         .may_be_released();
  if (!known) told_too_early.emplace_back("that the sum may be released");
  Bytes message = send.message;
  if (tell) {
    const auto decoded = DecodeMessage(message);
    if (decoded && std::holds_alternative<masking::Open>(*decoded)) {
      Context told = context_;
      tell(send.site, told);
      message = EncodeMessage(masking::Open{told.Canonical()});
    }
  }
  if (tamper) tamper(true, send.site, message);
  if (!message.empty()) Inject(send.site, std::move(message));
}

void World::Perform(const UnmaskSegment& unmask) {
  const WordLayout masked = context_.SegmentLayout(unmask.segment);
  const auto survivors = static_cast<uint32_t>(unmask.survivors.size());
  const WordLayout sums =
      WordLayout::Make(masked.lane_max(), survivors, masked.parameter_count()).value();
  const Masks undo(unmask.undo);
  std::vector<Scalars> scalars;
  for (const SegmentPayload& one : unmask.survivors) {
    scalars.push_back(ReadScalars(masked, blobs_.at(one.payload)));
  }
  Bytes planes(sums.PlaneBytes());
  bool exact = true;
  for (const WordRange run : RunsOf(masked)) {
    std::vector<codec::PlaneView> uploads;
    for (const SegmentPayload& one : unmask.survivors) {
      const PlaneSpan span = PlanesOf(masked, blobs_.at(one.payload), run);
      uploads.push_back({span.low, span.high});
    }
    exact =
        exact &&
        UnmaskRange(masked, {uploads, undo}, run, sums, PlanesOf(sums, planes, run)).has_value();
  }
  const auto sum = UnmaskScalars(scalars, undo);
  exact = takes_any_sum || (exact && sum.has_value());
  Scalars result = sum.value_or(Scalars{});
  if (exact && falsify) falsify(planes, result);
  const Digest digest = Sha256(planes);
  blobs_[digest] = std::move(planes);
  queue_.push_back([this, unmask, exact, digest, result] {
    HandleAggregator(SegmentUnmasked{unmask.segment, exact, digest, result});
  });
}

void World::Perform(const MeasureSegment& measure) {
  const WordLayout whole = context_.SegmentLayout(measure.segment);
  const WordLayout sums =
      WordLayout::Make(whole.lane_max(), measure.survivors, whole.parameter_count()).value();
  const Keystream coefficients(measure.coefficients);
  Bytes planes = blobs_.at(measure.result.planes);
  uint64_t product = InnerProduct(coefficients, measure.result.scalars);
  for (const WordRange run : RunsOf(sums)) {
    const PlaneSpan span = PlanesOf(sums, planes, run);
    std::vector<int32_t> values(run.size());
    (void)ReadSums(sums, {span.low, span.high}, values);
    product = FieldSum(product, InnerProduct(coefficients, run.begin, values));
  }
  queue_.push_back([this, segment = measure.segment, product] {
    HandleAggregator(SegmentMeasured{segment, product});
  });
}

}  // namespace dure::masking
