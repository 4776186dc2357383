// Serving: runs a daemon in the foreground until SIGINT or SIGTERM.
#pragma once

#include <functional>

#include "federation/result.h"

namespace dure::cli {

// Blocks SIGINT, SIGTERM and SIGPIPE for this thread and those it starts. Call before a daemon
// starts its threads.
void HoldSignals();
// As many open files as the system lets this process have, not as many as a shell starts with: a
// door must not be shut by whoever opens connections and says nothing.
void RaiseFileLimit();
// What this process makes from here on only its user may read: a site's work folder holds text.
// Call before a daemon makes its files.
void KeepFilesToOwner();
// Waits for SIGINT or SIGTERM.
void WaitForEnd();

}  // namespace dure::cli
