#include "policy/standing/cohort.h"

#include <algorithm>

namespace dure::standing {
namespace {

masking::ReleasedSum SumOf(const Round& round) {
  masking::ReleasedSum sum;
  for (const uint64_t index : round.counted) sum.sites.push_back(round.submissions.at(index).site);
  std::ranges::sort(sum.sites);
  return sum;
}

// The members behind the sites that its proposal names; whether their keys still speak or not.
std::set<MemberId> InvitedTo(const State& state, const RunId& run) {
  std::set<MemberId> members;
  const auto known = state.runs.find(run);
  if (known == state.runs.end()) return members;
  for (const SiteId& site : known->second.invited) {
    const auto member = state.sites.find(site);
    if (member != state.sites.end()) members.insert(member->second);
  }
  return members;
}

}  // namespace

std::vector<masking::Seat> SeatsOf(const State& state, const RunId& run, uint32_t batch_members) {
  std::map<SiteId, std::pair<uint64_t, masking::Seat>> newest;
  for (const auto& [key, speaker] : state.speakers) {
    if (speaker.role != ledger::Role::kSite || speaker.revoked) continue;
    const auto [at, is_new] = newest.try_emplace(speaker.site);
    if (!is_new && speaker.admitted < at->second.first) continue;
    at->second = {speaker.admitted, {speaker.site, speaker.member, key, 0}};
  }
  std::vector<masking::Seat> seats;
  std::set<MemberId> members = InvitedTo(state, run);
  const bool all = members.empty();
  for (auto& [site, one] : newest) {
    if (all) members.insert(one.second.member);
    seats.push_back(std::move(one.second));
  }
  const auto batches = std::max<uint32_t>(1, static_cast<uint32_t>(members.size()) / batch_members);
  for (masking::Seat& seat : seats) {
    const auto at = members.find(seat.member);
    const auto rank = static_cast<uint32_t>(std::distance(members.begin(), at));
    seat.batch = at == members.end() ? batches : std::min(rank / batch_members, batches - 1);
  }
  return seats;
}

std::vector<masking::ReleasedSum> SumsOf(const State& state, const RunId& run) {
  std::vector<masking::ReleasedSum> sums;
  for (const auto& [at, round] : state.rounds) {
    if (at.run == run && round.closed && round.sums) sums.push_back(SumOf(round));
  }
  return sums;
}

SumsByRun SumsFrom(const State& state, const Digest& base, const RunId& other_than) {
  SumsByRun sums;
  for (const auto& [at, round] : state.rounds) {
    if (at.run == other_than || round.opened == 0 || round.base_model != base) continue;
    std::set<masking::ReleasedSum>& of_run = sums[at.run];
    if (round.closed && round.sums) of_run.insert(SumOf(round));
  }
  return sums;
}

std::set<masking::ReleasedSum> SumsIn(const SumsByRun& runs) {
  std::set<masking::ReleasedSum> all;
  for (const auto& [run, sums] : runs) all.insert(sums.begin(), sums.end());
  return all;
}

std::string BesideText(const SumsByRun& others) {
  std::string names;
  for (const auto& [run, sums] : others) {
    if (!sums.empty()) names += (names.empty() ? "" : ", ") + run.str();
  }
  if (names.empty()) return "";
  return "; sums of other runs from the same model count as well (" + names +
         "): another --seed, or another model under --from, or the same sites as there would do";
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
