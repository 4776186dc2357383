// LocalDoor: where the people of this machine ask the running daemon. A Unix socket in the site's
// own folder, for whoever may write there; one line of JSON in, one line out.
//
// Life: Open, answers until destroyed. `answer` runs on the door's own thread, one request at a
// time, and may wait for the loop. REQUIRES: destroyed before what `answer` uses, not on the loop.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "federation/result.h"
#include "site/local_request.h"

namespace dure::site {

class LocalDoor {
 public:
  using Answer = std::function<Result<std::string>(const LocalRequest&)>;  // JSON text
  // kUnavailable: the socket cannot be made.
  static Result<std::unique_ptr<LocalDoor>> Open(const std::filesystem::path& dir, Answer answer);
  ~LocalDoor();

 private:
  struct State;
  explicit LocalDoor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Asks the daemon of that folder; where none runs, a change is noted in its journal and made when
// one starts. JSON text: {"run", "phase", "running"} or, for kStatus, {"running", "runs": [...]},
// or for kAccounts {"accounts": [hex of an account's bytes, ...]}, which whoever asks counts
// himself. Blocks. kNotFound: no such site, or it knows no such run; kFailedPrecondition: see
// EventFor, or a daemon holds the folder and does not answer.
Result<std::string> AskSite(const std::filesystem::path& dir, const LocalRequest& request);

// The journal's key for what waits to be done at the next start.
std::string AskedKey(const RunId& run);

}  // namespace dure::site
