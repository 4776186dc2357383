// A passport as a tree of JSON values; see tree.h. Inside this room only.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "policy/terms/passport.h"

namespace dure::terms {

inline constexpr const char* kPassportFormat = "dure-passport/1";

nlohmann::ordered_json ToTree(const Passport& passport);
// Total; see FromTree of tree.h.
Passport PassportFromTree(const nlohmann::ordered_json& tree, std::vector<Problem>& problems);

}  // namespace dure::terms
