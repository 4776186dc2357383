// The processes that this one started, all launchers together, and those that they left behind:
// what a trainer started and no longer waits for comes to this process (PR_SET_CHILD_SUBREAPER),
// and goes with the last trainer. Private to this folder; may be used from any thread.
#pragma once

#include <sys/types.h>

namespace dure::launcher {

// fork, for a child that begins a session of its own; -1 and errno: no process to be had. From the
// first call on, what loses its parent below this process becomes its child.
pid_t ForkChild();

// Waits for a child of ForkChild to end, and gives how it did. Where it was the last one, nobody is
// left to whom the orphans may belong, and they are killed; they are waited for a second or two, as
// one that a device holds may not end. A process that is its container's first
// has orphans of others too, and leaves them all alone.
int ReapChild(pid_t pid);

}  // namespace dure::launcher
