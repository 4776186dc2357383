#include "federation/masking/run_terms.h"

#include <algorithm>
#include <map>

#include "federation/codec/lane.h"

namespace dure::masking {
namespace {

CohortRules RulesOf(const round::RunManifest& manifest) {
  const round::MaskingRules& rules = manifest.masking_rules;
  return {rules.members_min, rules.survivors_permille, rules.batch_members,
          rules.forbid_differences};
}

DifferenceRule RuleOf(const round::RunManifest& manifest) {
  return RuleAgainstDifferences(RulesOf(manifest), CorruptMaxOf(manifest));
}

}  // namespace

Agreed AgreedOn(const RunTerms& terms) {
  const round::RunManifest& manifest = terms.manifest;
  Agreed agreed;
  agreed.federation = terms.federation;
  agreed.run = manifest.run;
  agreed.policy = terms.policy;
  agreed.plan = manifest.digest();
  agreed.schema = manifest.config_digest();
  agreed.model = terms.base.model;
  agreed.scales = terms.base.scales;
  agreed.privacy = manifest.privacy.digest();
  agreed.lane_max = codec::LaneMax(static_cast<codec::Lane>(manifest.lane));
  agreed.parameter_count = terms.parameter_count;
  agreed.segment_parameters = kSegmentParametersMax;
  agreed.rules = RulesOf(manifest);
  agreed.corrupt_max = CorruptMax(terms.site_count, ThresholdFor(terms.site_count));
  agreed.aggregator = terms.aggregator;
  return agreed;
}

uint32_t CorruptMaxOf(const round::RunManifest& manifest) {
  const uint32_t least = std::max({manifest.cohort_min, manifest.quorum, kMembersFloor});
  uint32_t withstood = CorruptMax(least, ThresholdFor(least));
  for (uint32_t sites = least + 1; sites <= manifest.cohort_max; ++sites) {
    withstood = std::min(withstood, CorruptMax(sites, ThresholdFor(sites)));
  }
  return withstood;
}

std::optional<Duration> PatienceOf(AggregatorPhase phase, const round::RunManifest& manifest,
                                   bool merging) {
  switch (phase) {
    case AggregatorPhase::kAdvertising:
    case AggregatorPhase::kSharing:
    case AggregatorPhase::kAgreeing:
    case AggregatorPhase::kSurviving:
      return manifest.join_window;
    case AggregatorPhase::kUploading:
      // Statements of uploads travel ahead of submissions: one may have been lost, and is said
      // again.
      return merging ? std::optional<Duration>(manifest.join_window) : std::nullopt;
    case AggregatorPhase::kRevealing:
    case AggregatorPhase::kOpening:
    case AggregatorPhase::kChecking:
      // Shares are given or a sum is out: this number is not had again, so its sites are waited
      // for. Without one survivor's nonce that survivor could not trust the check.
      return manifest.round_deadline;
    default:
      return std::nullopt;
  }
}

std::vector<SiteId> SetApart(const History& released, const round::RunManifest& manifest,
                             RoundNumber round, std::vector<Seat> seats,
                             std::vector<SiteId> candidates, const std::set<ReleasedSum>& beside) {
  std::ranges::sort(candidates);
  std::erase_if(seats, [&candidates](const Seat& seat) {
    return !std::ranges::binary_search(candidates, seat.site);
  });
  const auto chosen = ChooseCohort(released, RuleOf(manifest), round, seats, beside);
  std::erase_if(candidates, [&](const SiteId& site) {
    const bool seated = std::ranges::find(seats, site, &Seat::site) != seats.end();
    return !seated || std::ranges::binary_search(chosen, site);
  });
  return candidates;
}

Objection CheckSum(const History& released, const round::RunManifest& manifest, RoundNumber round,
                   const std::vector<Seat>& seats, std::vector<SiteId> sites,
                   const std::set<ReleasedSum>& beside) {
  std::map<SiteId, MemberId> member_of;
  for (const Seat& seat : seats) member_of.emplace(seat.site, seat.member);
  std::ranges::sort(sites);
  return released.CheckDifferences(RuleOf(manifest), round, {0, std::move(sites)}, member_of, {},
                                   beside);
}

round::Sums SumsOf(const Scalars& scalars) {
  const auto of = [&scalars](Scalar which) { return scalars[static_cast<size_t>(which)]; };
  return {of(Scalar::kWeight), of(Scalar::kTokens), of(Scalar::kSteps), of(Scalar::kSaturated)};
}

Objection CheckSaturation(const round::RunManifest& manifest, const Scalars& scalars,
                          uint64_t parameter_count, uint32_t survivors) {
  const uint64_t cut = SumsOf(scalars).saturated_lanes;
  const uint64_t lanes = parameter_count * survivors;
  if (!manifest.Oversaturated(cut, lanes)) return std::nullopt;
  return Refused{Refusal::kSaturation,
                 std::to_string(cut) + " of " + std::to_string(lanes) +
                     " lanes that were sent were cut at their bounds, more than the run takes",
                 kNobody};
}

}  // namespace dure::masking
