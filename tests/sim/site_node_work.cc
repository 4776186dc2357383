// A simulated site's training and encoding, and its files.
#include <algorithm>

#include "federation/codec/encode.h"
#include "tests/sim/site_node.h"
#include "tests/sim/world.h"

namespace dure::sim {

void SiteNode::Do(const round::StartTraining& start) {
  const uint64_t mine = ++training_;
  const RoundNumber round = start.plan.at.round;
  const uint64_t tokens = 300 + 200 * (index_ % 5);
  const round::TrainingDone done{round, start.number, tokens, 10, 2.5};
  const bool any = world_.bug() == Bug::kTakeAnyResult;
  const bool kept =
      trained_.contains(round.value) && (any || trained_as_[round.value] == start.number);
  if (kept) return Later(0.01, done);
  if (world_.Happens(world_.faults().training_fails)) {
    return Later(1, round::TrainingFailed{round, start.number, "trainer-failed"});
  }
  const double seconds = world_.scenario().training * world_.Between(0.3, 1.7);
  const Digest model = start.plan.base.model;
  const bool all = world_.bug() == Bug::kTrainOnOffered;
  const auto datasets = all ? world_.datasets().Of(id_) : start.datasets;
  world_.After(seconds, index_ + 1, [this, mine, done, model, datasets, number = start.number] {
    if (mine != training_) return;
    trained_on_[done.round.value] = datasets;
    trained_as_[done.round.value] = number;
    const Vector base = FromBlob(world_.Blob(model));
    Vector& trained = trained_[done.round.value] = Train(base, world_.Draw());
    const double wild = world_.scenario().wild;
    const float times = wild > 0 && world_.Happens(wild) ? 20.0F : 1.0F;
    for (size_t i = 0; times > 1 && i < base.size(); ++i) {
      trained[i] = base[i] + times * (trained[i] - base[i]);
    }
    Feed(done);
  });
}

void SiteNode::Do(const round::StopTraining&) { ++training_; }

// What a power cut, or a disk, takes of a site's files; it is noticed where they are read.
void SiteNode::LoseFiles() {
  if (!world_.Happens(world_.faults().file_lost)) return;
  if (world_.Draw() % 2 == 0) return trained_.clear();
  for (const auto& [version, values] : residuals_) lost_.insert(version);
  residuals_.clear();
}

Vector SiteNode::ScalesOf(const round::Base& base) const {
  return base.scales.IsZero() ? Vector{kInitialScale} : FromBlob(world_.Blob(base.scales));
}

Vector SiteNode::Residual(uint64_t version) const {
  const auto found = residuals_.find(version);
  return found == residuals_.end() ? Vector(kParameters, 0.0F) : found->second;
}

Digest SiteNode::WorkOf(RoundNumber round) const {
  return Sha256(ToBlob(trained_.at(round.value)));
}

Vector SiteNode::UpdateOf(RoundNumber round, const round::Base& base) const {
  Vector update = FromBlob(world_.Blob(base.model));
  const Vector& trained = trained_.at(round.value);
  for (size_t i = 0; i < update.size(); ++i) update[i] -= trained[i];
  return update;
}

std::optional<Lanes> SiteNode::EncodeLanes(const round::EncodeUpdate& encode) {
  const bool lost = IsLost(encode.residual_from);
  if (lost || !trained_.contains(encode.round.value)) {
    const auto fault = lost ? round::EncodeFault::kResidual : round::EncodeFault::kUpdate;
    Feed(round::EncodeFailed{encode.round, "not-found", fault});
    return std::nullopt;
  }
  if (encode.residual_from != 0 && !residuals_.contains(encode.residual_from)) {
    world_.Violate("a residual is read that was removed");
    return std::nullopt;
  }
  if (const auto other = carried_.In(encode.residual_from, trained_on_.at(encode.round.value))) {
    world_.Violate("an update carries " + other->dataset.str() + ", which it does not name");
  }
  const uint64_t weight = *codec::WeightOf(encode.tokens, encode.plan.reference_tokens);
  Lanes lanes =
      Encode(lane_, weight, index_ * 1000 + encode.round.value,
             FromBlob(world_.Blob(encode.plan.base.model)), trained_.at(encode.round.value),
             Residual(encode.residual_from), ScalesOf(encode.plan.base));
  residuals_[encode.residual_to] = lanes.residual;
  lost_.erase(encode.residual_to);
  carried_.Encode(encode.residual_to);
  return lanes;
}

void SiteNode::Encoded(const round::EncodeUpdate& encode, const Lanes& lanes, const Digest& blob) {
  world_.oracle().Encoded(index_, blob, WorkOf(encode.round),
                          UpdateOf(encode.round, encode.plan.base), lanes.weight,
                          ScalesOf(encode.plan.base), trained_on_.at(encode.round.value));
}

void SiteNode::Do(const round::EncodeUpdate& encode) {
  const uint64_t mine = ++encoding_;
  if (world_.scenario().masked) return masking_.Encode(encode);
  world_.After(world_.Between(0.01, 0.2), index_ + 1, [this, mine, encode] {
    if (mine != encoding_) return;
    const auto lanes = EncodeLanes(encode);
    if (!lanes) return;
    const Digest blob = world_.Remember(ContributionOf(lane_, *lanes));
    Encoded(encode, *lanes, blob);
    Feed(round::Encoded{encode.round, blob, lanes->weight, lanes->saturated, {}, kParameters});
  });
}

void SiteNode::Do(const round::FoldBack& fold) {
  ++encoding_;  // One thread encodes and folds: an encoding under way is over before the fold.
  world_.After(world_.Between(0.01, 0.2), index_ + 1, [this, fold] {
    if (!core_->folding()) return;
    const bool lost = IsLost(fold.residual_from);
    if (lost || !trained_.contains(fold.round.value)) {
      return Feed(round::FoldFailed{fold.residual_to, lost});
    }
    const Vector update = UpdateOf(fold.round, fold.base);
    if (fold.residual_from != 0 && !residuals_.contains(fold.residual_from)) {
      return world_.Violate("a residual is folded into that was removed");
    }
    Vector sum = Residual(fold.residual_from);
    const bool lose = world_.bug() == Bug::kLoseFold;
    for (size_t i = 0; i < sum.size() && !lose; ++i) sum[i] += update[i];
    residuals_[fold.residual_to] = sum;
    lost_.erase(fold.residual_to);
    carried_.Fold(fold.residual_from, fold.residual_to, trained_on_.at(fold.round.value));
    folds_[fold.residual_to] = {WorkOf(fold.round), update};
    Feed(round::Folded{fold.residual_to});
  });
}

void SiteNode::Do(const round::CommitResidual& commit) {
  if (commit.current != commit.former) {
    world_.oracle().Committed(index_, commit.contribution);
  }
  std::erase_if(residuals_, [&](const auto& entry) {
    return entry.first != commit.current && entry.first != commit.former;
  });
}

void SiteNode::Do(const round::DropWork& drop) {
  ++encoding_;
  // A removal that a power cut undoes: what was dropped lies there again.
  if (world_.Happens(world_.faults().removal_lost)) return;
  trained_.erase(drop.round.value);
}

}  // namespace dure::sim
