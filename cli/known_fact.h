// A fact that a person states on a command line, to see what it would change: PATH=VALUE.
#pragma once

#include <string>

#include "cli/command.h"
#include "policy/rules/facts.h"

namespace dure::cli {

// kInvalid: no fact, an attribute that the schema does not know (with the nearest that it does), or
// a value that the attribute never has.
Result<rules::Facts::Entry> ParseKnownFact(const std::string& text, const Context& context);

}  // namespace dure::cli
