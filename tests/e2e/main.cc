// dure-crashing: the real `dure`, that kills itself at a named instant.
//
// DURE_CRASH_AT is "point[/detail][:n]": the process dies by SIGKILL when it passes the point for
// the n-th time (the first by default), or stops there (SIGSTOP) where DURE_CRASH_BY is "stop".
// With DURE_HOLD_UNTIL only the thread that passes the point waits there, for another thread to
// pass the point that the variable names. Without the first variable it is `dure`. With
// DURE_CRASH_LIST it also writes every point it passes to that file, so that the tests can see that
// none is out of reach. DURE_CLOCK names a file of two numbers of eight bytes: seconds by which
// this process takes the time of day to be later (or, negative, earlier) than it is, and seconds
// that the machine slept; the tests write there while it runs. What is asked of the monotonic clock
// stays.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
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
  int by = SIGKILL;
  int list = -1;
  std::string until;  // not empty: the thread waits at the point until another passes this one
  std::atomic<int64_t> passed = 0;
  std::atomic<bool> released = false;
};

Plan plan;

void Hook(std::string_view point, std::string_view detail) {
  std::string name(point);
  if (!detail.empty()) name.append("/").append(detail);
  if (plan.list >= 0) {
    const std::string line = name + "\n";
    if (write(plan.list, line.data(), line.size()) < 0) plan.list = -1;
  }
  if (name == plan.until) {
    plan.released = true;
    plan.released.notify_all();
  }
  if (name != plan.point || ++plan.passed != plan.nth) return;
  if (plan.until.empty()) {
    raise(plan.by);  // for this thread: another may take a while to hear of a stop
  } else {
    plan.released.wait(false);
  }
}

// The file that DURE_CLOCK names, mapped; nullptr without it.
const int64_t* ShiftAt() {
  const char* path = std::getenv("DURE_CLOCK");
  if (path == nullptr) return nullptr;
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return nullptr;
  void* mapped = mmap(nullptr, 2 * sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
  close(file);
  return mapped == MAP_FAILED ? nullptr : static_cast<const int64_t*>(mapped);
}

int64_t Shift(int which) {
  static const int64_t* const at = ShiftAt();
  return at == nullptr ? 0 : __atomic_load_n(at + which, __ATOMIC_RELAXED);
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
  const char* by = std::getenv("DURE_CRASH_BY");
  if (by != nullptr && std::string(by) == "stop") plan.by = SIGSTOP;
  if (const char* until = std::getenv("DURE_HOLD_UNTIL")) plan.until = until;
  dure::SetCrashHook(Hook);
}

}  // namespace

// In the program itself, so that every library of the process asks here: ours, TLS, gRPC.
extern "C" {

int clock_gettime(clockid_t clock, timespec* now) noexcept {
  const long answer = syscall(SYS_clock_gettime, clock, now);
  const bool wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
  if (answer == 0 && wall) now->tv_sec += Shift(0);
  if (answer == 0 && clock == CLOCK_BOOTTIME) now->tv_sec += Shift(1);
  return static_cast<int>(answer);
}

time_t time(time_t* into) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (into != nullptr) *into = now.tv_sec;
  return now.tv_sec;
}

int gettimeofday(timeval* into, void*) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  into->tv_sec = now.tv_sec;
  into->tv_usec = now.tv_nsec / 1000;
  return 0;
}

}  // extern "C"

int main(int argc, char** argv) {
  ReadPlan();
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  return dure::cli::RunDure(arguments, std::cout, std::cerr, [] {
    return std::chrono::time_point_cast<dure::Duration>(std::chrono::system_clock::now());
  });
}
