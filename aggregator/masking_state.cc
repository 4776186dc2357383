// What the masking of a run has on disk, and what each attempt starts from.
#include <algorithm>

#include "aggregator/masking_desk.h"
#include "federation/canonical.h"
#include "federation/masking/run_terms.h"
#include "federation/wire_hook.h"

namespace dure::aggregator {
namespace {

using Phase = masking::AggregatorPhase;

constexpr uint32_t kVersion = 2;
constexpr uint32_t kVersionBefore = 1;  // without the sums

// A test's liar chooses a cohort of its own, and numbers, and stands by them.
bool ChoosesFreely() {
  Bytes rule{1};
  PassWire("aggregator.set-apart", {}, rule);
  return rule.empty();
}
uint64_t NumbersSkipped() {
  Bytes each;
  PassWire("aggregator.number", {}, each);
  return each.size();
}
bool IsLeftOut(std::string_view place, const SiteId& site, RoundNumber round) {
  Bytes number{static_cast<uint8_t>(round.value)};
  PassWire(place, site.str(), number);
  return number.empty();
}

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
  DURE_ASSIGN(const auto kept, shop_.journal.Get(Key()));
  if (!kept || Load(*kept)) return {};
  Forget();
  const std::string run = rounds_.manifest().run.str();
  if (rounds_.phase() == round::RunPhase::kEnded) {
    shop_.say(run +
              ": masking: what the run, which has ended, left of it cannot be read, and is "
              "dropped");
    return shop_.journal.Apply(journal::Change().Erase(Key()));
  }
  lost_ = true;
  shop_.say(run +
            ": masking: which sums were released cannot be read: it is damaged, or another "
            "version wrote it. No attempt of this run begins any more (dure run stop ends it)");
  return {};
}

void MaskingDesk::Forget() {
  attempt_.reset();
  former_.reset();
  released_.reset();
  history_ = {};
  skipped_ = 0;
  refusal_.clear();
}

bool MaskingDesk::Load(ByteView kept) {
  CanonicalReader in(kept);
  const uint32_t version = in.U32();
  if (version != kVersion && version != kVersionBefore) return false;
  skipped_ = in.U64();
  refusal_ = in.Text(limits::kNameBytesMax);
  if (in.Bool()) {
    masking::Released released;
    released.round.value = in.U64();
    released.transcript = in.Raw32();
    released_ = released;
  }
  // Sites hold every cohort against sums of their own: this list is the aggregator's convenience.
  if (version == kVersion && !RestoreSums(in)) return false;
  for (auto* one : {&attempt_, &former_}) {
    if (!in.Bool()) continue;
    round::RoundAttempt at{rounds_.manifest().run, {in.U64()}, 0};
    at.attempt = in.U32();
    const Bytes half = in.Blob(journal::kValueBytesMax);
    auto loaded = masking::AggregatorHalf::Load(half, *shop_.self.signer, verifier_);
    if (!loaded) return false;
    one->emplace(Attempt{at, *std::move(loaded)});
  }
  return in.Done("an aggregator's masking state").has_value();
}

Result<masking::Context> MaskingDesk::Compose() const {
  const round::RunManifest& manifest = rounds_.manifest();
  const std::vector<SiteId> cohort = rounds_.Cohort();
  masking::Context context;
  Digest policies;
  DURE_TRY(shop_.deliberation.WithStanding([&](const standing::Standing& now) {
    context.seats =
        standing::SeatsOf(now.state(), manifest.run, manifest.masking_rules.batch_members);
    const auto run = now.state().runs.find(manifest.run);
    if (run != now.state().runs.end()) policies = run->second.policies;
  }));
  std::erase_if(context.seats, [&](const masking::Seat& seat) {
    return !std::ranges::binary_search(cohort, seat.site) ||
           IsLeftOut("aggregator.seat", seat.site, rounds_.at().round);
  });
  context.round.value = rounds_.at().round.value + skipped_ + NumbersSkipped();
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

masking::Objection MaskingDesk::ObjectionTo(const round::StartMerge& merge) const {
  const masking::AggregatorHalf& half = attempt_->half;
  if (half.phase() > Phase::kUploading || ChoosesFreely()) return {};
  std::vector<SiteId> sites;
  for (const round::Contribution& one : merge.contributions) sites.push_back(one.site);
  const standing::SumsByRun beside = Beside();
  auto objection =
      masking::CheckSum(history_, rounds_.manifest(), merge.at.round, half.context().seats,
                        std::move(sites), standing::SumsIn(beside));
  if (!objection) return {};
  shop_.say(merge.at.Text() + ": masking: " + std::string(Name(objection->rule)) + ": " +
            objection->why + standing::BesideText(beside));
  return objection;
}

standing::SumsByRun MaskingDesk::Beside() const {
  standing::SumsByRun beside;
  const Status looked = shop_.deliberation.WithStanding([&](const standing::Standing& now) {
    beside = standing::SumsFrom(now.state(), rounds_.base().model, rounds_.manifest().run);
  });
  // Sites hold every cohort against their own copies: what is missing here they refuse.
  if (!looked) shop_.say("cannot look up what other runs summed: " + looked.error().message);
  return beside;
}

std::vector<SiteId> MaskingDesk::SetApart(const std::vector<round::Candidate>& candidates) const {
  const round::RunManifest& manifest = rounds_.manifest();
  const RoundNumber round = rounds_.at().round;
  std::vector<SiteId> sites;
  for (const round::Candidate& one : candidates) sites.push_back(one.site);
  if (ChoosesFreely()) {
    std::erase_if(
        sites, [round](const SiteId& site) { return !IsLeftOut("aggregator.apart", site, round); });
    return sites;
  }
  std::vector<masking::Seat> seats;
  const Status looked = shop_.deliberation.WithStanding([&](const standing::Standing& now) {
    seats = standing::SeatsOf(now.state(), manifest.run, manifest.masking_rules.batch_members);
  });
  if (!looked) return {};
  const standing::SumsByRun beside = Beside();
  auto apart = masking::SetApart(history_, manifest, round, seats, sites, standing::SumsIn(beside));
  // A run that comes to its quorum only with whom another's sums would show is refused by its
  // sites, and pauses with that: it would wait for ever for more of them.
  const bool enough = sites.size() >= manifest.quorum + apart.size();
  if (enough || apart.empty() || beside.empty()) return apart;
  return masking::SetApart(history_, manifest, round, std::move(seats), std::move(sites));
}

}  // namespace dure::aggregator
