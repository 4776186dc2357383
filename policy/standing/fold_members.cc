// Members, their keys and seats.
#include "policy/standing/fold.h"

namespace dure::standing {

MaybeBreach HoldsIn(const Standing& now, const Said&, const ledger::MemberDescribed& e) {
  const auto found = now.state().members.find(e.member);
  if (found == now.state().members.end() || !found->second.described) return std::nullopt;
  return Breach{"described-twice", e.member.str() + " stands in a house already"};
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
}

void Fold::Do(const Said& said, const ledger::KeyRevoked& e) {
  const auto speaker = state_.speakers.find(e.key);
  if (speaker == state_.speakers.end() || speaker->second.revoked) return;
  speaker->second.revoked = true;
  state_.revocations.insert(said.index);
  Member& member = state_.members[e.member];
  --member.keys;
  if (speaker->second.role == ledger::Role::kOfficer) --member.officers;
  Decisive();
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
