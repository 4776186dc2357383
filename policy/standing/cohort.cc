#include "policy/standing/cohort.h"

#include <algorithm>

namespace dure::standing {

std::vector<masking::Seat> SeatsOf(const State& state, uint32_t batch_members) {
  std::vector<masking::Seat> seats;
  std::set<MemberId> members;
  for (const auto& [key, speaker] : state.speakers) {
    if (speaker.role != ledger::Role::kSite || speaker.revoked) continue;
    seats.push_back({speaker.site, speaker.member, key, 0});
    members.insert(speaker.member);
  }
  // Two keys of one site: the newer one ended the older, or the log would say so.
  std::ranges::sort(seats, {}, &masking::Seat::site);
  const auto batches = std::max<uint32_t>(1, static_cast<uint32_t>(members.size()) / batch_members);
  for (masking::Seat& seat : seats) {
    const auto rank = std::distance(members.begin(), members.find(seat.member));
    seat.batch = std::min(static_cast<uint32_t>(rank) / batch_members, batches - 1);
  }
  return seats;
}

std::vector<masking::ReleasedSum> SumsOf(const State& state, const RunId& run) {
  std::vector<masking::ReleasedSum> sums;
  for (const auto& [at, round] : state.rounds) {
    if (at.run != run || !round.closed || !round.sums) continue;
    masking::ReleasedSum& sum = sums.emplace_back();
    for (const uint64_t index : round.counted)
      sum.sites.push_back(round.submissions.at(index).site);
    std::ranges::sort(sum.sites);
  }
  return sums;
}

}  // namespace dure::standing
