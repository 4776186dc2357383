// One sentence for each event of policy_events.h, for report.cc. Inside this room only.
#pragma once

#include <string>

#include "policy/ledger/policy_events.h"

namespace dure::ledger {

std::string Say(const MemberDescribed& e);
std::string Say(const CosignerAnnounced& e);
std::string Say(const CharterDeclared& e);
std::string Say(const PolicyDeclared& e);
std::string Say(const PolicyProposed& e);
std::string Say(const VoteCast& e);
std::string Say(const PolicyAdopted& e);
std::string Say(const PolicyRejected& e);
std::string Say(const RunApproved& e);
std::string Say(const RunHalted& e);
std::string Say(const DatasetRegistered& e);
std::string Say(const DatasetWithdrawn& e);
std::string Say(const WithdrawalClosed& e);
std::string Say(const AdmissionDecided& e);
std::string Say(const GrantDecided& e);
std::string Say(const GrantRevoked& e);
std::string Say(const ShareComputed& e);
std::string Say(const DisclosureExported& e);
std::string Say(const ConsentGiven& e);
std::string Say(const IncidentReported& e);
std::string Say(const IncidentClosed& e);
std::string Say(const DutyFulfilled& e);
std::string Say(const CoalitionsMade& e);

}  // namespace dure::ledger
