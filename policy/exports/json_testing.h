// What the tests of several JSON formats ask in the same way; json_test.cc has the answers.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "policy/exports/testing.h"

namespace dure::exports::testing {

using nlohmann::json;
using Problems = std::vector<std::string>;

// The one file of an export.
json Only(Format format, const Dossier& dossier);
std::vector<Dossier> Dossiers();
bool IsTime(const json& value);  // RFC 3339 in UTC
bool IsIri(const json& value);

}  // namespace dure::exports::testing
