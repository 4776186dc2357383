// Terms as a tree of JSON values, one list of fields for reading and for writing. Inside this room
// only: canonical JSON (terms_json.cc) and TOML (toml.cc) are two spellings of this tree.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "policy/terms/terms.h"

namespace dure::terms {

inline constexpr const char* kTermsFormat = "dure-terms/1";

// What is not said is left out.
nlohmann::ordered_json ToTree(const Terms& terms);

// Total. Everything that could not be taken is a problem (an unknown field, a word that is not in
// its vocabulary, a value of another kind); the field then keeps its default. Does not Check.
Terms FromTree(const nlohmann::ordered_json& tree, std::vector<Problem>& problems);

// Every path that a field has, such as "licence.data": for suggestions and for the reference.
std::vector<std::string> FieldPaths();

// The word of `words` that is closest to `word`; empty if none is close.
std::string Nearest(const std::vector<std::string>& words, const std::string& word);

}  // namespace dure::terms
