// One child process with its sockets and nothing else of ours.
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
  int seat_fd = -1;  // our end of the socket; owned by the caller; -1: a rank without seat
};

// Which rank a child is. Its sockets to the others stay the caller's to close.
struct Rank {
  uint32_t number = 0;     // 0 has the seat
  std::vector<int> peers;  // to the other ranks, in their order; none: it trains alone
};

// The program and arguments of a trainer, the seat's own at the end. kNotFound: no such program.
Result<std::vector<std::string>> CommandLine(const TrainerSpec& spec, const Rank& rank = {});

// Starts it: its own process group, killed when the calling thread ends, signals as at login,
// environment of three harmless variables. kNotFound: it cannot be executed; kUnavailable: no
// process or socket to be had.
Result<Child> Spawn(const TrainerSpec& spec, const Rank& rank = {});

}  // namespace dure::launcher
