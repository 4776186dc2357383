// An error's name as a code for messages and log entries: "failed-precondition".
#pragma once

#include <string>

#include "federation/result.h"

namespace dure {

std::string CodeWord(ErrorCode code);  // Name(code) with dashes: of [a-z-] only

}  // namespace dure
