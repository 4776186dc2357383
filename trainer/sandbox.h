// What holds a trainer: it computes on private data and outside models, so it may neither reach the
// network nor other processes nor files that its task does not need.
//
// Confine is called once, at start, before any thread; nothing undoes it.
#pragma once

#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "federation/result.h"

namespace dure::trainer {

struct Confinement {
  std::vector<std::filesystem::path> read_paths;   // files, or folders with all below
  std::vector<std::filesystem::path> write_paths;  // folders: read, write, make and remove below
  std::vector<std::filesystem::path> device_paths = {};  // read, write and control, where they are
  // For tests: as on a kernel whose Landlock is of this version.
  long landlock_version_max = std::numeric_limits<long>::max();
};

// In order: no new privileges, no core dumps; then by Landlock, where the kernel has it, no file
// but those named and system libraries, no TCP, no signal to others; then by seccomp no new socket,
// process, program, or look into another process, no change of a file's owner, mode, times or marks
// anywhere, and no way to have another process signalled. Threads still work. Paths that do not
// exist are left out.
//
// Gives the names of what now holds: "no_new_privs", "seccomp", and "landlock" if the kernel has
// it. kInternal: the kernel refused; the caller must not go on.
Result<std::vector<std::string>> Confine(const Confinement& confinement);

}  // namespace dure::trainer
