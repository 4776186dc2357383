#include "policy/standing/stops.h"

#include <set>
#include <string>

#include "federation/check.h"
#include "policy/standing/admission.h"

namespace dure::standing {

Result<std::vector<rules::Reason>> StopsOf(const Standing& standing,
                                           const ledger::GrantDecided& grant, rules::Instant now) {
  DURE_CHECK(grant.granted, "what was refused holds nothing");
  GrantRequest request;
  request.kind = grant.kind;
  request.model = grant.model;
  request.grantee = grant.grantee;
  request.purpose = grant.purpose;
  request.territory = grant.territory;
  request.until = grant.until;
  request.now = now;
  DURE_ASSIGN(const rules::PolicySet policies, PoliciesOf(standing, request));
  DURE_ASSIGN(const std::set<DatasetId> asked, AskedFor(standing, request));
  rules::Facts facts = FactsOf(standing, request);
  // Their yes to one grant was used up by this one.
  std::vector<std::string> agreed;
  for (const DatasetId& id : asked) agreed.push_back(id.str());
  facts.Set("run.ownersAgreed", rules::Value::TextSet(agreed));
  rules::Decision decision = DecideUnder(policies, ActionOf(standing, request), facts);
  std::vector<rules::Reason> stops;
  for (rules::Reason& reason : decision.reasons) {
    if (reason.policy.layer == rules::Layer::kConsortium) stops.push_back(std::move(reason));
  }
  return stops;
}

}  // namespace dure::standing
