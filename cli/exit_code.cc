#include "cli/exit_code.h"

namespace dure::cli {

ExitCode ExitCodeOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnauthenticated:
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kCorrupt:
      return ExitCode::kRefused;
    case ErrorCode::kUnavailable:
      return ExitCode::kUnavailable;
    case ErrorCode::kInvalid:
    case ErrorCode::kNotFound:
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kFailedPrecondition:
    case ErrorCode::kExhausted:
    case ErrorCode::kCancelled:
    case ErrorCode::kInternal:
      return ExitCode::kFailed;
  }
  return ExitCode::kFailed;
}

std::string_view ExitCodesHelp() {
  return R"(Exit codes of dure

  0  done
  1  failed: a file is missing or exists already, a value is wrong, a disk is full, a state does
     not fit
  2  usage: the command line is wrong; nothing was done
  3  refused: a peer said no, or a proof, signature, certificate or digest does not verify
  4  unavailable: nobody answered; the same command may work later
  5  set up wrongly: an option, terms, a policy or the folder that a daemon was started with does
     not fit; it did not begin, and will not before somebody has changed that

On failure, one line on standard error says what was wrong, where, and what to do. With --json it
is one object: {"error": {"code": "...", "message": "...", "exit_code": 3}}. Standard output then
holds nothing but what was printed before the failure.
)";
}

}  // namespace dure::cli
