#include "policy/ledger/policy_event_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "policy/ledger/event_fields.h"

namespace dure::ledger {
namespace {

using nlohmann::json;

constexpr uint64_t kCharterWordsMax = 1'000'000;

void WriteTally(const Tally& tally, json& out) {
  out["houses"] = json::array();
  for (const HouseTally& house : tally.houses) {
    out["houses"].push_back({{"house", Name(house.house)},
                             {"members", house.members},
                             {"yes", house.yes},
                             {"no", house.no},
                             {"abstain", house.abstain}});
  }
  out["votes"] = tally.votes;
}
Tally ReadTally(FieldReader& in) {
  Tally tally;
  for (const JsonNode& item : in.Array("houses", kHouses)) {
    FieldReader one(item, "houses");
    HouseTally house;
    house.house = ReadName(one, "house", ParseHouse);
    house.members = one.Count("members");
    house.yes = one.Count("yes");
    house.no = one.Count("no");
    house.abstain = one.Count("abstain");
    in.Join(one.error());
    tally.houses.push_back(house);
  }
  tally.votes = ReadIndexes(in, "votes", kIndexesMax);
  return tally;
}

Status TallyForm(const Tally& tally) {
  DURE_TRY(Rising(tally.votes, "the votes of a tally"));
  for (size_t i = 0; i < tally.houses.size(); ++i) {
    const HouseTally& house = tally.houses[i];
    const bool ordered = i == 0 || tally.houses[i - 1].house < house.house;
    if (!ordered || house.yes + house.no + house.abstain > house.members) {
      return Fail(ErrorCode::kInvalid, "a tally counts a house twice or more votes than members");
    }
  }
  return {};
}
}  // namespace

void Write(const MemberDescribed& e, json& out) {
  out["member"] = e.member.str();
  out["house"] = Name(e.house);
  out["country"] = e.country;
}
void Read(MemberDescribed& e, FieldReader& in) {
  e.member = in.Named<MemberId>("member");
  e.house = ReadName(in, "house", ParseHouse);
  e.country = in.Text("country", 2);
}
Status FormOf(const MemberDescribed& e) { return Country(e.country, "a member's country"); }
Subject About(const std::string&, const MemberDescribed& e) {
  return {"member/" + e.member.str(), Sha256(AsBytes(e.member.str()))};
}

void Write(const CosignerAnnounced& e, json& out) {
  out["site"] = e.site.str();
  out["vkey"] = e.vkey;
}
void Read(CosignerAnnounced& e, FieldReader& in) {
  e.site = in.Named<SiteId>("site");
  e.vkey = in.Text("vkey", 512);
}
Status FormOf(const CosignerAnnounced&) { return {}; }
Subject About(const std::string&, const CosignerAnnounced& e) {
  return {"cosigner/" + e.site.str(), Sha256(AsBytes(e.vkey))};
}

void Write(const CharterDeclared& e, json& out) {
  out["quorumPercent"] = e.voting.quorum_percent;
  out["housePercent"] = e.voting.house_percent;
  out["windowSeconds"] = e.voting.window_seconds;
  out["emergencyMembers"] = e.voting.emergency_members;
  out["emergencySeconds"] = e.voting.emergency_seconds;
  out["runsByVote"] = e.voting.runs_by_vote;
  out["unmaskedByVote"] = e.voting.unmasked_by_vote;
  out["cosignPercent"] = e.voting.cosign_percent;
  if (e.words > 0) out["words"] = e.words;
}
void Read(CharterDeclared& e, FieldReader& in) {
  e.voting.quorum_percent = in.Count("quorumPercent");
  e.voting.house_percent = in.Count("housePercent");
  e.voting.window_seconds = in.Count("windowSeconds");
  e.voting.emergency_members = in.Count("emergencyMembers");
  e.voting.emergency_seconds = in.Count("emergencySeconds");
  e.voting.runs_by_vote = in.Flag("runsByVote");
  // Charters of before there was masking do not have it.
  e.voting.unmasked_by_vote = in.Has("unmaskedByVote") && in.Flag("unmaskedByVote");
  e.voting.cosign_percent = in.Count("cosignPercent");
  if (!in.Has("words")) return;
  const uint64_t words = in.Count("words");
  e.words = static_cast<uint32_t>(std::min<uint64_t>(words, kCharterWordsMax));
  // Said, it is a version; unsaid, there is none.
  if (words == 0 || words > kCharterWordsMax) in.Blame("words", "it is no version of the words");
}
Status FormOf(const CharterDeclared& e) {
  const VotingRule& v = e.voting;
  if (v.quorum_percent > 100 || v.house_percent >= 100 || v.cosign_percent >= 100) {
    return Fail(ErrorCode::kInvalid, "a voting rule asks for more than everybody");
  }
  return {};
}
Subject About(const std::string& origin, const CharterDeclared&) {
  return {"charter", Sha256(AsBytes(origin))};
}

void Write(const PolicyDeclared& e, json& out) { out["policy"] = e.policy; }
void Read(PolicyDeclared& e, FieldReader& in) { e.policy = in.Text("policy", kPolicyTextBytesMax); }
Status FormOf(const PolicyDeclared&) { return {}; }
Subject About(const std::string&, const PolicyDeclared& e) {
  return {"policy", Sha256(AsBytes(e.policy))};
}

void Write(const PolicyProposed& e, json& out) {
  out["kind"] = Name(e.kind);
  out["supersedes"] = e.supersedes.Hex();
  out["policy"] = e.policy;
}
void Read(PolicyProposed& e, FieldReader& in) {
  e.kind = ReadName(in, "kind", ParseProposalKind);
  e.supersedes = in.Hash("supersedes");
  e.policy = in.Text("policy", kPolicyTextBytesMax);
}
Status FormOf(const PolicyProposed&) { return {}; }
Subject About(const std::string&, const PolicyProposed& e) {
  return {"policy", Sha256(AsBytes(e.policy))};
}

void Write(const VoteCast& e, json& out) {
  out["proposal"] = e.proposal;
  out["proposalLeaf"] = e.leaf.Hex();
  out["choice"] = Name(e.choice);
  if (!e.reason.IsZero()) out["reason"] = e.reason.Hex();
}
void Read(VoteCast& e, FieldReader& in) {
  e.proposal = in.Count("proposal");
  e.leaf = in.Hash("proposalLeaf");
  e.choice = ReadName(in, "choice", ParseChoice);
  if (in.Has("reason")) e.reason = in.Hash("reason");
}
Status FormOf(const VoteCast&) { return {}; }
Subject About(const std::string&, const VoteCast& e) {
  return {Entry("entry", e.proposal), e.leaf};
}

void Write(const PolicyAdopted& e, json& out) {
  out["proposal"] = e.proposal;
  out["policy"] = e.policy.Hex();
  WriteTally(e.tally, out);
}
void Read(PolicyAdopted& e, FieldReader& in) {
  e.proposal = in.Count("proposal");
  e.policy = in.Hash("policy");
  e.tally = ReadTally(in);
}
Status FormOf(const PolicyAdopted& e) { return TallyForm(e.tally); }
Subject About(const std::string&, const PolicyAdopted& e) { return {"policy", e.policy}; }

void Write(const PolicyRejected& e, json& out) {
  out["proposal"] = e.proposal;
  out["reason"] = e.reason;
  WriteTally(e.tally, out);
}
void Read(PolicyRejected& e, FieldReader& in) {
  e.proposal = in.Count("proposal");
  e.reason = in.Code("reason");
  e.tally = ReadTally(in);
}
Status FormOf(const PolicyRejected& e) { return TallyForm(e.tally); }
Subject About(const std::string&, const PolicyRejected& e) {
  const std::string name = Entry("entry", e.proposal);
  return {name, Sha256(AsBytes(name))};
}

void Write(const RunApproved& e, json& out) {
  out["run"] = e.run.str();
  out["policies"] = e.policies.Hex();
  WriteTally(e.tally, out);
}
void Read(RunApproved& e, FieldReader& in) {
  e.run = in.Named<RunId>("run");
  e.policies = in.Hash("policies");
  e.tally = ReadTally(in);
}
Status FormOf(const RunApproved& e) { return TallyForm(e.tally); }
Subject About(const std::string&, const RunApproved& e) {
  return {"run/" + e.run.str(), e.policies};
}

void Write(const RunHalted& e, json& out) {
  out["run"] = e.run.str();
  out["reason"] = e.reason;
}
void Read(RunHalted& e, FieldReader& in) {
  e.run = in.Named<RunId>("run");
  e.reason = in.Code("reason");
}
Status FormOf(const RunHalted&) { return {}; }
Subject About(const std::string&, const RunHalted& e) {
  return {"run/" + e.run.str(), Sha256(AsBytes(e.run.str()))};
}

}  // namespace dure::ledger
