// dure-crashing: the real `dure`, that kills itself at a named instant.
//
// DURE_CRASH_AT is "point[/detail][:n]": the process dies by SIGKILL when it passes the point for
// the n-th time (the first by default). Without the variable it is `dure`. With DURE_CRASH_LIST it
// also writes every point it passes to that file, so that the tests can see that none is out of
// reach.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "cli/dure.h"
#include "federation/crash_point.h"

namespace {

struct Plan {
  std::string point;
  int64_t nth = 1;
  int list = -1;
  std::atomic<int64_t> passed = 0;
};

Plan plan;

void Hook(std::string_view point, std::string_view detail) {
  std::string name(point);
  if (!detail.empty()) name.append("/").append(detail);
  if (plan.list >= 0) {
    const std::string line = name + "\n";
    if (write(plan.list, line.data(), line.size()) < 0) plan.list = -1;
  }
  if (name == plan.point && ++plan.passed == plan.nth) kill(getpid(), SIGKILL);
}

void ReadPlan() {
  if (const char* list = std::getenv("DURE_CRASH_LIST")) {
    plan.list = open(list, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  }
  if (const char* at = std::getenv("DURE_CRASH_AT")) {
    plan.point = at;
    if (const size_t colon = plan.point.rfind(':'); colon != std::string::npos) {
      plan.nth = std::strtoll(plan.point.c_str() + colon + 1, nullptr, 10);
      plan.point.resize(colon);
    }
  }
  dure::SetCrashHook(Hook);
}

}  // namespace

int main(int argc, char** argv) {
  ReadPlan();
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  return dure::cli::RunDure(arguments, std::cout, std::cerr, [] {
    return std::chrono::time_point_cast<dure::Duration>(std::chrono::system_clock::now());
  });
}
