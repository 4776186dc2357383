// What a run with noise costs this site's datasets: reserved before anything is trained, on their
// accounts before anything is used or leaves.
#include <algorithm>

#include "site/run_desk.h"

namespace dure::site {
namespace {

constexpr std::chrono::seconds kChargeRetry{1};

}  // namespace

// The least of what the owner's terms and the site allow to be lost.
uint64_t RunDesk::EpsilonLent(const round::OfferedDataset& offered) const {
  uint64_t least = shop_.rules.epsilon_micro_max.value_or(privacy::kEpsilonMicroMax);
  shop_.scribe.WithStanding([&](const standing::Auditor& own) {
    const auto& datasets = own.standing().state().datasets;
    const auto dataset = datasets.find(offered.dataset);
    if (dataset == datasets.end()) return;
    const auto version = dataset->second.versions.find(offered.version);
    if (version == dataset->second.versions.end()) return;
    least = std::min(least, version->second.terms.limits.epsilon_max_micro.value_or(least));
  });
  return least;
}

void RunDesk::ReservePrivacy(const round::RoundAttempt& at,
                             std::vector<round::OfferedDataset> offered) {
  if (!manifest_.privacy.any()) return Feed(round::Decided{at, true, "", std::move(offered)});
  std::vector<PrivacyDesk::Lent> lent;
  for (const auto& one : offered) lent.push_back({one.dataset, EpsilonLent(one)});
  shop_.privacy.Reserve(manifest_, at.round, std::move(lent),
                        [this, alive = alive_, at, offered](const std::string& objection) {
                          if (!*alive) return;
                          if (objection.empty()) return Feed(round::Decided{at, true, "", offered});
                          Feed(round::Decided{at, false, objection, {}});
                        });
}

// Trained on, it will come out, with this contribution or carried into a later one.
void RunDesk::ChargeTraining(const round::StartTraining& effect,
                             const round::TrainingDone& result) {
  if (!manifest_.privacy.per_record()) return Feed(result);
  const uint64_t turn = training_turn_;  // else it was given up meanwhile
  const Status charged = shop_.privacy.CommitTraining(run_, effect.number, result.steps);
  if (charged) return Feed(result);
  if (charged.error().code != ErrorCode::kFailedPrecondition) {
    shop_.say(effect.plan.at.Text() + ": privacy: " + charged.error().message);
    shop_.loop.At(shop_.loop.Now() + kChargeRetry, [this, alive = alive_, effect, result, turn] {
      if (*alive && turn == training_turn_) ChargeTraining(effect, result);
    });
    return;
  }
  // A training that was not used has been charged, too: there must be enough for the rest.
  const auto again = [this, alive = alive_, effect, result, turn](std::string objection) {
    if (!*alive || turn != training_turn_) return;
    const Status extended = shop_.privacy.CommitTraining(run_, effect.number, result.steps);
    if (objection.empty() && extended) return Feed(result);
    Feed(round::TrainingFailed{result.round, effect.number,
                               objection.empty() ? "privacy-account" : objection});
  };
  shop_.privacy.Reserve(manifest_, effect.plan.at.round, {}, again);
}

// An attempt that was given up after its update had left was charged: there must be enough again.
void RunDesk::EncodeNoised(const round::EncodeUpdate& effect) {
  shop_.privacy.Reserve(manifest_, effect.round, {},
                        [this, alive = alive_, effect](const std::string& objection) {
                          if (!*alive || participation_.at() != effect.at) return;
                          if (participation_.phase() != round::SitePhase::kEncoding) return;
                          if (objection.empty()) return masking_.Encode(effect);
                          Feed(round::EncodeFailed{effect.round, objection});
                        });
}

// Before the first byte leaves: under noise on updates, one use an attempt.
Status RunDesk::ChargeUpdate() const {
  if (!manifest_.privacy.noisy()) return {};
  return shop_.privacy.CommitUpdate(participation_.at());
}

}  // namespace dure::site
