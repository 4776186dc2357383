// Members, their keys and seats.
#include <algorithm>

#include "policy/standing/admission.h"
#include "policy/standing/fold.h"
#include "policy/standing/voting.h"

namespace dure::standing {
namespace {

// Why a member ends a key that it did not ask for.
constexpr std::string_view kDisowned = "disowned";

// From this version of the words on a site is one member's for good. Who takes part in a run, whose
// terms and whose country count for it, go by its name.
constexpr uint32_t kSitesAreOneMembersSince = 5;

// Whether a key was there before that other one, or is it: else a key that somebody let in for a
// member would take back what the member itself had said, or leave in its name. That its seat was
// there says nothing: whoever lets a key in names the seat.
bool WasThereBefore(const State& state, const PublicKey& key, const Speaker& other) {
  const auto self = state.speakers.find(key);
  return self != state.speakers.end() && self->second.admitted <= other.admitted;
}

// Nobody speaks for the member any more, and since the vote began that is its own word of each of
// its keys.
bool LeftByItself(const State& state, const MemberId& id, const Proposal& proposal) {
  return std::ranges::none_of(state.speakers, [&](const auto& item) {
    const Speaker& one = item.second;
    return one.member == id && one.taken && *one.taken > proposal.index;
  });
}

}  // namespace

MaybeBreach HoldsIn(const Standing& now, const Said&, const ledger::MemberDescribed& e) {
  const auto found = now.state().members.find(e.member);
  if (found == now.state().members.end() || !found->second.described) return std::nullopt;
  return Breach{"described-twice", e.member.str() + " stands in a house already"};
}

MaybeBreach HoldsIn(const Standing& now, const Said&, const ledger::MemberAdmitted& e) {
  const bool looks =
      e.role == ledger::Role::kSite && NewestWords(now.state()) >= kSitesAreOneMembersSince;
  const auto site = now.state().sites.find(e.site);
  if (!looks || site == now.state().sites.end() || site->second == e.member) return std::nullopt;
  return Breach{"foreign-site", e.site.str() + " is a site of " + site->second.str() +
                                    ", and is admitted for " + e.member.str()};
}

MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::CosignerAnnounced& e) {
  if (said.site != e.site) {
    return Breach{"foreign-site", said.site.str() + " speaks for " + e.site.str()};
  }
  for (const auto& [site, vkey] : now.state().cosigners) {
    if (vkey == e.vkey && site != e.site) {
      return Breach{"key-reused", "the cosigner key is " + site.str() + "'s"};
    }
  }
  return std::nullopt;
}

void Fold::Do(const Said& said, const ledger::ConsortiumGenesis& e) {
  state_.origin = said.entry.record.federation;
  state_.speakers[e.aggregator_key] = {said.member, {}, ledger::Role::kAggregator, false};
  ++state_.members[said.member].keys;
  state_.policies = PoliciesDigest(state_.in_force);
  Decisive();
}

void Fold::Do(const Said& said, const ledger::MemberAdmitted& e) {
  state_.speakers[e.key] = {e.member, e.site, e.role, false, said.index};
  Member& member = state_.members[e.member];
  ++member.keys;
  if (e.role == ledger::Role::kOfficer) ++member.officers;
  if (e.role == ledger::Role::kSite) {
    member.sites.insert(e.site);
    state_.sites[e.site] = e.member;
  }
  Decisive();
  VoteOnRunsOfMany(said);
}

// What a key said that was never its member's: its votes and its consents, but for those that are
// used up. Nothing is taken back of what they led to; the member may now say otherwise.
void Fold::ForgetWhatWasSaidBy(const PublicKey& key) {
  for (auto& [index, proposal] : state_.proposals) {
    const auto of_it = [&](const auto& vote) { return vote.second.key == key; };
    if (!proposal.outcome) {
      std::erase_if(proposal.votes, of_it);
      continue;
    }
    const auto vote = std::ranges::find_if(proposal.votes, of_it);
    if (vote != proposal.votes.end()) vote->second.disowned = true;
  }
  for (auto& [id, dataset] : state_.datasets) {
    std::erase_if(dataset.consents, [&](const Consent& consent) {
      return consent.key == key && (consent.standing || !consent.used);
    });
  }
  Decisive();
}

void Fold::Do(const Said& said, const ledger::KeyRevoked& e) {
  const auto speaker = state_.speakers.find(e.key);
  if (speaker == state_.speakers.end()) return;
  const bool own = said.role != ledger::Role::kAggregator &&
                   WasThereBefore(state_, said.entry.record.actor.key, speaker->second);
  if (own && e.reason == kDisowned && NewestWords(state_) >= kVotesOutliveKeysSince) {
    ForgetWhatWasSaidBy(e.key);
  }
  if (speaker->second.revoked) return;
  speaker->second.revoked = true;
  if (!own) speaker->second.taken = said.index;
  state_.revocations.insert(said.index);
  Member& member = state_.members[e.member];
  --member.keys;
  if (speaker->second.role == ledger::Role::kOfficer) --member.officers;
  Decisive();
  // Whoever leaves by its own word is not waited for.
  if (!own || ElectorsNow(state_).contains(e.member)) return;
  for (const auto& [index, vote] : state_.open_votes) {
    Proposal& proposal = state_.proposals.at(index);
    if (LeftByItself(state_, e.member, proposal)) proposal.electors.erase(e.member);
  }
}

void Fold::Do(const Said&, const ledger::MemberDescribed& e) {
  Member& member = state_.members[e.member];
  member.described = true;
  member.house = e.house;
  member.country = e.country;
  Decisive();
}

void Fold::Do(const Said&, const ledger::CosignerAnnounced& e) {
  state_.cosigners[e.site] = e.vkey;
}

}  // namespace dure::standing
