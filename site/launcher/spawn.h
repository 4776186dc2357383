// One child process with one open socket and nothing else of ours.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "federation/result.h"
#include "site/launcher/launcher.h"

namespace dure::launcher {

struct Child {
  pid_t pid = -1;
  int pid_fd = -1;   // becomes readable when it ends; owned by the caller
  int seat_fd = -1;  // our end of the socket; owned by the caller
};

// The program and arguments of a trainer, the seat's own at the end. kNotFound: no such program.
Result<std::vector<std::string>> CommandLine(const TrainerSpec& spec);

// Starts it: its own process group, killed when the calling thread ends, signals as at login,
// environment of three harmless variables. kNotFound: it cannot be executed; kUnavailable: no
// process or socket to be had.
Result<Child> Spawn(const TrainerSpec& spec);

}  // namespace dure::launcher
