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

// Anybody's seat; whether its role may do what is asked is for the aggregator to say. kNotFound: no
// identity there. kUnauthenticated: its certificate is over. Else as LoadIdentity.
Result<identity::Identity> LoadSeat(const std::string& dir, WallTime now);

// kPermissionDenied: it is no operator's. Else as LoadSeat.
Result<identity::Identity> LoadOperator(const std::string& dir, WallTime now);

}  // namespace dure::cli
