// What `dure` tells the shell. Scripts depend on these numbers: never change one.
#pragma once

#include <string_view>

#include "federation/result.h"

namespace dure::cli {

enum class ExitCode : int {
  kOk = 0,
  kFailed = 1,       // the work could not be done: a file, a disk, a state
  kUsage = 2,        // the command line itself is wrong
  kRefused = 3,      // somebody said no, or a proof, signature or certificate does not verify
  kUnavailable = 4,  // nobody answered; the same command may work later
  kSetUp = 5,        // what a daemon was started with is wrong, and stays so until it is changed
};

ExitCode ExitCodeOf(ErrorCode code);
std::string_view ExitCodesHelp(bool korean);  // the text of `dure help exit-codes`

}  // namespace dure::cli
