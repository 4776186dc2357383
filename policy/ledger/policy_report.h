// One sentence for each event of policy_events.h, for report.cc. Inside this room only.
#pragma once

#include <string>

#include "policy/ledger/policy_events.h"
#include "policy/ledger/words.h"

namespace dure::ledger {

inline bool Ko(Language l) { return l == Language::kKorean; }

std::string Say(const MemberDescribed& e, Language l);
std::string Say(const CosignerAnnounced& e, Language l);
std::string Say(const CharterDeclared& e, Language l);
std::string Say(const PolicyDeclared& e, Language l);
std::string Say(const PolicyProposed& e, Language l);
std::string Say(const VoteCast& e, Language l);
std::string Say(const PolicyAdopted& e, Language l);
std::string Say(const PolicyRejected& e, Language l);
std::string Say(const RunApproved& e, Language l);
std::string Say(const RunHalted& e, Language l);
std::string Say(const DatasetRegistered& e, Language l);
std::string Say(const DatasetWithdrawn& e, Language l);
std::string Say(const WithdrawalClosed& e, Language l);
std::string Say(const AdmissionDecided& e, Language l);
std::string Say(const GrantDecided& e, Language l);
std::string Say(const GrantRevoked& e, Language l);
std::string Say(const ShareComputed& e, Language l);
std::string Say(const DisclosureExported& e, Language l);
std::string Say(const ConsentGiven& e, Language l);
std::string Say(const IncidentReported& e, Language l);
std::string Say(const IncidentClosed& e, Language l);
std::string Say(const DutyFulfilled& e, Language l);
std::string Say(const CoalitionsMade& e, Language l);
std::string Say(const EvaluationDecided& e, Language l);

}  // namespace dure::ledger
