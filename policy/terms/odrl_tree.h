// ODRL policies and Croissant datasets as trees of JSON values. Inside this room only.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "policy/terms/odrl.h"

namespace dure::terms {

// Without @context, to be put in another document or under ToOdrlOffer's.
nlohmann::ordered_json OfferTree(const Terms& terms, const std::string& dataset,
                                 const std::string& assigner);
nlohmann::ordered_json OdrlContext();

// Adds what the policy says to imported.draft and imported.remarks. kInvalid: it is void.
Status ReadOdrl(const nlohmann::ordered_json& policy, Imported& imported);

}  // namespace dure::terms
