// The form of terms, asked on the terminal, into a file.
#pragma once

#include <string>

#include "cli/command.h"

namespace dure::cli {

// Asks, then puts the file in the place of one that is there. Nobody is asked for a file that
// cannot be written; and if it can no longer be at the end, the answers are printed, so that nobody
// gives them twice. `custodian`: see terms::RunForm. Errors of WriteTextFile and terms::RunForm.
Status AskForTerms(const std::string& path, const std::string& custodian, Context& context);

}  // namespace dure::cli
