// What the masking of a run has on disk, and what each attempt starts from.
#include <algorithm>

#include "aggregator/masking_desk.h"
#include "federation/canonical.h"
#include "federation/masking/run_terms.h"
#include "policy/standing/cohort.h"

namespace dure::aggregator {
namespace {

using Phase = masking::AggregatorPhase;

constexpr uint32_t kVersion = 2;

}  // namespace

Bytes MaskingDesk::Save() const {
  CanonicalWriter out;
  out.U32(kVersion).U64(skipped_).Text(refusal_);
  out.Bool(released_.has_value());
  if (released_) out.U64(released_->round.value).Raw32(released_->transcript);
  out.U32(static_cast<uint32_t>(history_.sums().size()));
  for (const masking::ReleasedSum& sum : history_.sums()) {
    out.U32(static_cast<uint32_t>(sum.sites.size()));
    for (const SiteId& site : sum.sites) out.Text(site.str());
  }
  for (const auto* one : {&attempt_, &former_}) {
    out.Bool(one->has_value());
    if (!one->has_value()) continue;
    out.U64((*one)->at.round.value).U32((*one)->at.attempt).Blob((*one)->half.Save());
  }
  return out.Take();
}

Status MaskingDesk::RestoreSums(CanonicalReader& in) {
  for (uint32_t count = in.U32(); count > 0 && in.ok(); --count) {
    masking::ReleasedSum sum;
    for (uint32_t sites = in.U32(); sites > 0 && in.ok(); --sites) {
      DURE_ASSIGN(auto site, SiteId::Parse(in.Text(limits::kNameBytesMax)));
      sum.sites.push_back(std::move(site));
    }
    history_.Learn(sum);
  }
  return {};
}

Status MaskingDesk::Restore() {
  const RunId& run = rounds_.manifest().run;
  DURE_ASSIGN(const auto kept, shop_.journal.Get(Key()));
  if (!kept) return {};
  CanonicalReader in(*kept);
  const bool known = in.U32() == kVersion;
  skipped_ = in.U64();
  refusal_ = in.Text(limits::kNameBytesMax);
  if (in.Bool()) {
    masking::Released released;
    released.round.value = in.U64();
    released.transcript = in.Raw32();
    released_ = released;
  }
  DURE_TRY(RestoreSums(in));
  for (auto* one : {&attempt_, &former_}) {
    if (!in.Bool()) continue;
    round::RoundAttempt at{run, {in.U64()}, 0};
    at.attempt = in.U32();
    const Bytes half = in.Blob(journal::kValueBytesMax);
    DURE_ASSIGN(auto loaded, masking::AggregatorHalf::Load(half, *shop_.self.signer, verifier_));
    one->emplace(Attempt{at, std::move(loaded)});
  }
  if (known && in.Done("an aggregator's masking state")) return {};
  return dure::Fail(ErrorCode::kCorrupt, "the masking state was not written by this version");
}

Result<masking::Context> MaskingDesk::Compose() const {
  const round::RunManifest& manifest = rounds_.manifest();
  const std::vector<SiteId> cohort = rounds_.Cohort();
  masking::Context context;
  Digest policies;
  DURE_TRY(shop_.deliberation.WithStanding([&](const standing::Standing& now) {
    context.seats = standing::SeatsOf(now.state(), manifest.masking_rules.batch_members);
    const auto run = now.state().runs.find(manifest.run);
    if (run != now.state().runs.end()) policies = run->second.policies;
  }));
  std::erase_if(context.seats, [&cohort](const masking::Seat& seat) {
    return !std::ranges::binary_search(cohort, seat.site);
  });
  context.round.value = rounds_.at().round.value + skipped_;
  context.attempt = rounds_.at().attempt;
  context.threshold = masking::ThresholdFor(context.site_count());
  context.previous = released_;
  if (context.site_count() < 2) {
    return dure::Fail(ErrorCode::kFailedPrecondition,
                      "fewer than two sites of the cohort have a seat");
  }
  context.agreed =
      masking::AgreedOn({manifest, rounds_.base(), shop_.self.subject.consortium, policies,
                         shop_.self.signer->Key(), parameter_count_, context.site_count()});
  DURE_TRY(context.Check());
  auto objection =
      masking::CheckThreshold(context.site_count(), context.threshold, context.agreed.corrupt_max);
  if (!objection) objection = masking::CheckCohort(context.agreed.rules, context.seats);
  if (objection)
    return dure::Fail(ErrorCode::kFailedPrecondition, masking::CodeOf(objection->rule));
  return context;
}

bool MaskingDesk::MayStillSum() const {
  const round::RunPhase phase = rounds_.phase();
  return attempt_->at == rounds_.at() &&
         (phase == round::RunPhase::kCollecting || phase == round::RunPhase::kMerging);
}

void MaskingDesk::Learn(const Release& release) {
  released_ = masking::Released{attempt_->half.context().round, release.transcript};
  history_.Learn({0, release.sites});
}

// An attempt ends without a sum. If its shares may have been given, nobody gives them again for the
// number that it had.
void MaskingDesk::UseUp(const Release& release) {
  if (!release.may_be) return;
  Learn(release);
  ++skipped_;
}

std::vector<SiteId> MaskingDesk::SetApart(const std::vector<round::Candidate>& candidates) const {
  const round::RunManifest& manifest = rounds_.manifest();
  std::vector<SiteId> sites;
  for (const round::Candidate& one : candidates) sites.push_back(one.site);
  std::vector<masking::Seat> seats;
  const Status looked = shop_.deliberation.WithStanding([&](const standing::Standing& now) {
    seats = standing::SeatsOf(now.state(), manifest.masking_rules.batch_members);
  });
  if (!looked) return {};
  return masking::SetApart(history_, manifest, rounds_.at().round, std::move(seats),
                           std::move(sites));
}

}  // namespace dure::aggregator
