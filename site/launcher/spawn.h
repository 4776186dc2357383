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

// What one child is to be.
struct Command {
  std::vector<std::string> line;         // an absolute path and its arguments
  std::vector<std::string> environment;  // NAME=value, besides three harmless ones
  bool has_seat = true;
  bool seat_on_stdio = false;  // on its standard input and output; else on file 3
  std::vector<int> peers;      // to the other ranks, on files 4 and on; the caller's to close
  int standard_error = -1;     // the caller's to close; -1: this process's own
};

// The program and arguments of a trainer without the seat's own. kNotFound: no such program.
Result<std::vector<std::string>> TrainerProgram(const TrainerSpec& spec);
// Appends what the trainer may open.
void AddPaths(const TrainerSpec& spec, std::vector<std::string>* line);
// Of a rank on this machine, with its sockets to the others in their order; none: it trains alone.
// Of this process's environment it gets the two variables by which CUDA is told of GPUs. kInvalid:
// one of them is nothing of the kind.
Result<Command> LocalCommand(const TrainerSpec& spec, uint32_t rank, std::vector<int> peers);

// Runs a small program and waits for it, without anything of ours; what it says is lost.
void RunToTheEnd(const std::vector<std::string>& line, const std::vector<std::string>& environment);

// Starts it: its own session, killed when the calling thread ends, signals as at login,
// environment of three harmless variables and the command's; to be reaped by ReapChild. kNotFound:
// it cannot be executed; kUnavailable: no process or socket to be had.
Result<Child> Spawn(const TrainerSpec& spec, const Command& command);
// A trainer alone.
Result<Child> Spawn(const TrainerSpec& spec);

}  // namespace dure::launcher
