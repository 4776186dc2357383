// Run proposals and the events of policy_events.h as JSON and back, for event_json.cc. Inside this
// room only.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "policy/ledger/event_json.h"
#include "policy/ledger/policy_events.h"

namespace dure::ledger {

void WriteDatasetsUsed(const std::vector<DatasetUsed>& used, nlohmann::json& out);
std::vector<DatasetUsed> ReadDatasetsUsed(FieldReader& in, const char* name);

// The end of each event that decides: under which policies, of what record, and the decision
// itself.
void WriteDecided(const Digest& policies, uint64_t as_of, const std::string& decision,
                  nlohmann::json& out);
void ReadDecided(FieldReader& in, Digest& policies, uint64_t& as_of, std::string& decision);

// For each event: its fields into the predicate, and from it. The checks beyond the types and the
// subject that in-toto wants come after.
#define DURE_POLICY_EVENT(Type)                       \
  void Write(const Type& event, nlohmann::json& out); \
  void Read(Type& event, FieldReader& in);            \
  Status FormOf(const Type& event);                   \
  Subject About(const std::string& origin, const Type& event);
DURE_POLICY_EVENT(RunProposed)
DURE_POLICY_EVENT(MemberDescribed)
DURE_POLICY_EVENT(CosignerAnnounced)
DURE_POLICY_EVENT(CharterDeclared)
DURE_POLICY_EVENT(PolicyDeclared)
DURE_POLICY_EVENT(PolicyProposed)
DURE_POLICY_EVENT(VoteCast)
DURE_POLICY_EVENT(PolicyAdopted)
DURE_POLICY_EVENT(PolicyRejected)
DURE_POLICY_EVENT(RunApproved)
DURE_POLICY_EVENT(RunHalted)
DURE_POLICY_EVENT(DatasetRegistered)
DURE_POLICY_EVENT(DatasetWithdrawn)
DURE_POLICY_EVENT(WithdrawalClosed)
DURE_POLICY_EVENT(AdmissionDecided)
DURE_POLICY_EVENT(GrantDecided)
DURE_POLICY_EVENT(GrantRevoked)
DURE_POLICY_EVENT(ShareComputed)
DURE_POLICY_EVENT(DisclosureExported)
DURE_POLICY_EVENT(ConsentGiven)
DURE_POLICY_EVENT(IncidentReported)
DURE_POLICY_EVENT(IncidentClosed)
DURE_POLICY_EVENT(DutyFulfilled)
DURE_POLICY_EVENT(CoalitionsMade)
DURE_POLICY_EVENT(EvaluationDecided)
DURE_POLICY_EVENT(EvaluationReported)
#undef DURE_POLICY_EVENT

}  // namespace dure::ledger
