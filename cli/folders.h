// Whose identity a command acts with.
#pragma once

#include <string>

#include "federation/clock.h"
#include "federation/identity/identity.h"

namespace dure::cli {

// Of <dir>/operator when `dir` is the folder of `consortium init`, else of `dir` itself.
std::string OperatorFolder(const std::string& dir);

// <dir>/aggregator when `dir` is the folder of `consortium init`, else `dir` itself.
std::string AggregatorFolder(const std::string& dir);

// kNotFound: no identity there. kPermissionDenied: it is no operator's. kUnauthenticated: its
// certificate is over. Else as LoadIdentity.
Result<identity::Identity> LoadOperator(const std::string& dir, WallTime now);

}  // namespace dure::cli
