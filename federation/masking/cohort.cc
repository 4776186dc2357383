#include "federation/masking/cohort.h"

#include <algorithm>
#include <map>
#include <set>

namespace dure::masking {
namespace {

std::string Count(uint64_t n, std::string_view noun) {
  return std::to_string(n) + " " + std::string(noun) + (n == 1 ? "" : "s");
}

Refused Objects(Refusal rule, std::string why) { return {rule, std::move(why), kNobody}; }

}  // namespace

uint32_t MemberCount(const std::vector<Seat>& seats, const Sites& sites) {
  std::set<MemberId> members;
  for (const uint32_t i : sites) members.insert(seats[i].member);
  return static_cast<uint32_t>(members.size());
}

Sites AllOf(const std::vector<Seat>& seats) {
  Sites sites(seats.size());
  for (uint32_t i = 0; i < sites.size(); ++i) sites[i] = i;
  return sites;
}

Sites WholeBatches(const std::vector<Seat>& seats, const Sites& sites) {
  std::map<uint32_t, int64_t> missing;
  for (const Seat& seat : seats) ++missing[seat.batch];
  for (const uint32_t i : sites) --missing[seats[i].batch];
  Sites whole;
  for (const uint32_t i : sites) {
    if (missing[seats[i].batch] == 0) whole.push_back(i);
  }
  return whole;
}

Objection CheckRules(const CohortRules& rules) {
  if (rules.members_min < kMembersFloor) {
    return Objects(Refusal::kPolicyHash, "a sum of fewer than " + Count(kMembersFloor, "member") +
                                             " hides nobody; members_min must be 3 or more");
  }
  if (rules.survivors_permille > 1000) {
    return Objects(Refusal::kPolicyHash, "survivors_permille must be 0 to 1000");
  }
  if (rules.batch_members < 1 || rules.batch_members > kBatchMembersMax) {
    return Objects(Refusal::kPolicyHash, "batch_members must be 1 to 4");
  }
  return {};
}

Objection CheckThreshold(uint32_t site_count, uint32_t threshold, uint32_t corrupt_max) {
  if (threshold > site_count || uint64_t{2} * threshold <= uint64_t{site_count} + corrupt_max) {
    return Objects(Refusal::kThreshold, "a threshold of " + std::to_string(threshold) + " among " +
                                            Count(site_count, "site") + " does not withstand " +
                                            Count(corrupt_max, "colluding site") +
                                            ": twice the threshold must exceed " +
                                            std::to_string(uint64_t{site_count} + corrupt_max));
  }
  return {};
}

Objection CheckCohort(const CohortRules& rules, const std::vector<Seat>& seats) {
  const uint32_t members = MemberCount(seats, AllOf(seats));
  const uint32_t least = std::max(rules.members_min, kMembersFloor);
  if (members < least) {
    return Objects(Refusal::kCohort, "the cohort holds " + Count(members, "member") +
                                         "; the rules ask for " + std::to_string(least));
  }
  std::map<uint32_t, std::set<MemberId>> batches;
  std::map<MemberId, uint32_t> batch_of;
  for (const Seat& seat : seats) {
    batches[seat.batch].insert(seat.member);
    if (!batch_of.emplace(seat.member, seat.batch).second && batch_of[seat.member] != seat.batch) {
      return Objects(Refusal::kCohort,
                     "member " + seat.member.str() + " stands in two batches; one is allowed");
    }
  }
  for (const auto& [batch, in] : batches) {
    if (in.size() < rules.batch_members) {
      return Objects(Refusal::kCohort, "batch " + std::to_string(batch) + " holds " +
                                           Count(in.size(), "member") + "; the rules ask for " +
                                           std::to_string(rules.batch_members));
    }
  }
  return {};
}

Objection CheckSurvivors(const SurvivorCheck& check, const Sites& survivors) {
  if (!std::includes(check.shared.begin(), check.shared.end(), survivors.begin(),
                     survivors.end())) {
    return Objects(Refusal::kSurvivorSet, "a survivor is not among the sites that shared masks");
  }
  if (survivors.size() < check.threshold) {
    return Objects(Refusal::kThreshold, Count(survivors.size(), "survivor") + "; " +
                                            std::to_string(check.threshold) + " are needed");
  }
  const uint32_t members = MemberCount(check.seats, survivors);
  const uint32_t least = std::max(check.rules.members_min, kMembersFloor);
  if (members < least) {
    return Objects(Refusal::kCohort, "the survivors are of " + Count(members, "member") +
                                         "; the rules ask for " + std::to_string(least));
  }
  if (survivors.size() < check.sites_min) {
    return Objects(Refusal::kCohort, Count(survivors.size(), "survivor") +
                                         "; the run's quorum is " +
                                         std::to_string(check.sites_min));
  }
  const uint64_t part = uint64_t{1000} * survivors.size();
  if (part < uint64_t{check.rules.survivors_permille} * check.shared.size()) {
    return Objects(Refusal::kMinFraction,
                   Count(survivors.size(), "survivor") + " of " +
                       std::to_string(check.shared.size()) + "; the rules ask for " +
                       std::to_string(check.rules.survivors_permille) + " in a thousand");
  }
  if (check.rules.batch_members > 1 &&
      WholeBatches(check.seats, survivors).size() != survivors.size()) {
    return Objects(Refusal::kMembership,
                   "a batch is torn: it survives whole, or its last sites are dropped with it");
  }
  return {};
}

}  // namespace dure::masking
