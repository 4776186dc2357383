// ODRL policies as trees of JSON values. Inside this room only.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "policy/terms/odrl.h"

namespace dure::terms {

// What the policies about a dataset have as their target.
std::string TargetOf(const std::string& dataset);

// An Offer, or where nobody is named who offers, a Set. It has a rule in any case, as ODRL asks:
// where nothing is said, that no use is allowed. Without @context, to be put in another document or
// under ToOdrlOffer's.
nlohmann::ordered_json OfferTree(const Terms& terms, const std::string& dataset,
                                 const std::string& assigner);
nlohmann::ordered_json OdrlContext();

// ODRL's own action where it has one for the duty.
std::string DutyAction(DutyKind kind);

}  // namespace dure::terms
