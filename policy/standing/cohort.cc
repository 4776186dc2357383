#include "policy/standing/cohort.h"

#include <algorithm>

namespace dure::standing {

std::vector<masking::Seat> SeatsOf(const State& state, uint32_t batch_members) {
  std::map<SiteId, std::pair<uint64_t, masking::Seat>> newest;
  for (const auto& [key, speaker] : state.speakers) {
    if (speaker.role != ledger::Role::kSite || speaker.revoked) continue;
    const auto [at, is_new] = newest.try_emplace(speaker.site);
    if (!is_new && speaker.admitted < at->second.first) continue;
    at->second = {speaker.admitted, {speaker.site, speaker.member, key, 0}};
  }
  std::vector<masking::Seat> seats;
  std::set<MemberId> members;
  for (auto& [site, one] : newest) {
    members.insert(one.second.member);
    seats.push_back(std::move(one.second));
  }
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

std::vector<SiteId> CohortOf(const State& state, const RoundAttempt& at) {
  const auto round = state.rounds.find(at);
  if (round == state.rounds.end()) return {};
  std::vector<SiteId> cohort = round->second.cohort;
  std::ranges::sort(cohort);
  return cohort;
}

uint64_t AttemptsOf(const State& state, const RunId& run) {
  return static_cast<uint64_t>(std::ranges::count_if(state.rounds, [&run](const auto& one) {
    return one.first.run == run && one.second.opened != 0;
  }));
}

}  // namespace dure::standing
