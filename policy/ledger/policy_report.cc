#include "policy/ledger/policy_report.h"

#include <cstdio>

namespace dure::ledger {
namespace {

std::string Short(const Digest& digest) { return digest.Hex().substr(0, 12); }
std::string Short(const std::string& text) { return Short(Sha256(AsBytes(text))); }
std::string Text(const DatasetVersion& what) {
  return what.dataset.str() + " version " + std::to_string(what.version);
}
std::string Entry(uint64_t index) { return "entry " + std::to_string(index); }
std::string Text(const Tally& tally) {
  std::string text;
  for (const HouseTally& house : tally.houses) {
    text += (text.empty() ? "" : "; ") + std::string(Name(house.house)) + " " +
            std::to_string(house.yes) + " yes, " + std::to_string(house.no) + " no, " +
            std::to_string(house.abstain) + " abstained of " + std::to_string(house.members);
  }
  return text.empty() ? "no vote needed" : text;
}
std::string Percent(uint64_t ppm) {
  char text[16];
  std::snprintf(text, sizeof text, "%.1f %%", static_cast<double>(ppm) / 10000.0);
  return text;
}

}  // namespace

std::string Say(const MemberDescribed& e) {
  return e.member.str() + " is of the " + std::string(Name(e.house)) + " house, in " + e.country;
}
std::string Say(const CosignerAnnounced& e) { return e.site.str() + " co-signs as " + e.vkey; }
std::string Say(const CharterDeclared& e) {
  return "declared the charter: quorum " + std::to_string(e.voting.quorum_percent) +
         " % of members, more than " + std::to_string(e.voting.house_percent) + " % of each house";
}
std::string Say(const PolicyDeclared& e) { return "declared policy " + Short(e.policy); }
std::string Say(const PolicyProposed& e) {
  if (e.kind == ProposalKind::kSuspend) return "proposed to suspend " + e.policy;
  if (e.kind == ProposalKind::kReinstate) return "proposed to reinstate " + e.policy;
  const std::string what = e.kind == ProposalKind::kEmergency ? "an emergency rule" : "a policy";
  return "proposed " + what + " " + Short(e.policy) + " over " + Short(e.supersedes);
}
std::string Say(const VoteCast& e) {
  return "voted " + std::string(Name(e.choice)) + " on " + Entry(e.proposal);
}
std::string Say(const PolicyAdopted& e) {
  return "adopted policy " + Short(e.policy) + " of " + Entry(e.proposal) + ": " + Text(e.tally);
}
std::string Say(const PolicyRejected& e) {
  return "rejected " + Entry(e.proposal) + " (" + e.reason + "): " + Text(e.tally);
}
std::string Say(const RunApproved& e) {
  return "approved " + e.run.str() + " under policies " + Short(e.policies) + ": " + Text(e.tally);
}
std::string Say(const RunHalted& e) { return "halted " + e.run.str() + ": " + e.reason; }
std::string Say(const DatasetRegistered& e) {
  return "registered " + Text(e.what) + " at " + e.site.str() + ", terms " + Short(e.terms);
}
std::string Say(const DatasetWithdrawn& e) {
  return "withdrew " + e.dataset.str() + " (" + e.ground + "), scope " +
         std::string(Name(e.scope)) + " until " + e.deadline;
}
std::string Say(const WithdrawalClosed& e) {
  return "closed the withdrawal of " + Entry(e.withdrawal) + " with " +
         std::to_string(e.evidence.size()) + " entries of evidence";
}
std::string Say(const AdmissionDecided& e) {
  return std::string(e.admit ? "admitted " : "refused ") + Text(e.what) + " of " + e.site.str() +
         " to " + e.run.str() + " round " + std::to_string(e.round.value) + " under policies " +
         Short(e.policies);
}
std::string Say(const GrantDecided& e) {
  return std::string(e.granted ? "granted " : "refused ") + e.grantee.str() + " to " +
         std::string(Name(e.kind)) + " model " + Short(e.model) + " for " + e.purpose + " in " +
         e.territory;
}
std::string Say(const GrantRevoked& e) {
  return "revoked the grant of " + Entry(e.grant) + ": " + e.reason;
}
std::string Say(const ShareComputed& e) {
  std::string shares;
  for (const ShareOfMember& share : e.shares) {
    shares += (shares.empty() ? "" : ", ") + share.member.str() + " " + Percent(share.share_ppm);
  }
  return "computed the shares of " + e.run.str() + ": " + shares;
}
std::string Say(const DisclosureExported& e) {
  return "exported " + e.kind + " about " + Short(e.subject) + ", file " + Short(e.file);
}

std::string Say(const ConsentGiven& e) {
  if (!e.run.empty()) return "agreed that " + e.run.str() + " uses " + e.dataset.str();
  return "agreed to " + std::string(Name(e.kind)) + " models with " + e.dataset.str() + " for " +
         e.purpose + (e.model.IsZero() ? "" : ", model " + Short(e.model));
}

std::string Say(const IncidentReported& e) {
  return "reported an incident: " + std::string(Name(e.kind)) +
         (e.subject.empty() ? "" : ", about " + e.subject);
}
std::string Say(const IncidentClosed& e) {
  return "closed the incident of " + Entry(e.incident) + ": " + e.cause;
}
std::string Say(const DutyFulfilled& e) {
  return "did duty " + std::to_string(e.duty) + " of " + Entry(e.decision);
}
std::string Say(const CoalitionsMade& e) {
  return "made " + std::to_string(e.coalitions.size()) + " models of parts of the round that " +
         Entry(e.closing) + " closed, for " + std::string(Name(e.kind));
}

}  // namespace dure::ledger
