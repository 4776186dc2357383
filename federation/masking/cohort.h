// Who may be summed: the rules a site holds every cohort and every set of survivors against,
// itself, with what it knows. Pure; any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "federation/ids.h"
#include "federation/masking/refusal.h"
#include "federation/signer.h"

namespace dure::masking {

// Indices into a roster, ascending, each once.
using Sites = std::vector<uint32_t>;

inline constexpr uint32_t kMembersFloor = 3;     // of two, each learns the other's update
inline constexpr uint32_t kBatchMembersMax = 4;  // the difference rule tries sets of one fewer

struct CohortRules {
  uint32_t members_min = 5;           // members, not sites: certificates are cheap
  uint32_t survivors_permille = 667;  // of the sites that shared masks
  // Members come and go only in batches of at least so many, so that no difference of two rounds
  // holds fewer. 1: they may come and go singly.
  uint32_t batch_members = 2;
  // Refuse a sum that, combined with sums released before, would isolate fewer than batch_members
  // members (or one). Off only where noise of every site's own protects it.
  bool forbid_differences = true;
  bool operator==(const CohortRules&) const = default;
};

struct Seat {
  SiteId site;
  MemberId member;
  PublicKey key{};     // of its signatures
  uint32_t batch = 0;  // all sites of a member are in one
  bool operator==(const Seat&) const = default;
};

// More than two thirds: floor(2n/3) + 1.
constexpr uint32_t ThresholdFor(uint32_t site_count) { return 2 * site_count / 3 + 1; }
// The most colluding sites that a threshold withstands: two quorums of t then share an honest site.
constexpr uint32_t CorruptMax(uint32_t site_count, uint32_t threshold) {
  const uint32_t twice = 2 * threshold;
  if (twice <= site_count) return 0;
  const uint32_t most = twice - site_count - 1;
  return most < site_count - 2 ? most : site_count - 2;
}

uint32_t MemberCount(const std::vector<Seat>& seats, const Sites& sites);
Sites AllOf(const std::vector<Seat>& seats);
// The survivors whose whole batch survived.
Sites WholeBatches(const std::vector<Seat>& seats, const Sites& sites);

// Whether the rules themselves are in bounds: kPolicyHash.
Objection CheckRules(const CohortRules& rules);
// 2t > N + f and t <= N. kThreshold.
Objection CheckThreshold(uint32_t site_count, uint32_t threshold, uint32_t corrupt_max);
// A roster before anything is masked: kCohort for too few members, a batch with too few or a member
// in two batches.
Objection CheckCohort(const CohortRules& rules, const std::vector<Seat>& seats);

struct SurvivorCheck {
  const CohortRules& rules;
  const std::vector<Seat>& seats;
  uint32_t threshold;
  const Sites& shared;     // the sites that shared masks
  uint32_t sites_min = 0;  // the run's quorum
};
// kSurvivorSet: not a subset; kThreshold; kCohort: too few members or sites; kMinFraction;
// kMembership: a batch is torn.
Objection CheckSurvivors(const SurvivorCheck& check, const Sites& survivors);

}  // namespace dure::masking
