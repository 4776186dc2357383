// The whole command line tool, callable: main.cc gives it the process's own streams and clock,
// tests theirs.
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "federation/clock.h"

namespace dure::cli {

// `arguments` without the program's name. Returns the exit code (exit_code.h).
int RunDure(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err,
            std::function<WallTime()> now);

// What the help says in English only; for tests.
std::vector<std::string> HelpWithoutKorean();

}  // namespace dure::cli
