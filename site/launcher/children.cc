#include "site/launcher/children.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>
#include <vector>

namespace dure::launcher {
namespace {

// Orphans have children of their own, who come once those are dead; who forks faster than it is
// killed is left to the system.
constexpr int kGenerationsMax = 100;
// What is killed may still wait in the kernel for a device or a file system; it is then reaped with
// the next orphans.
constexpr std::chrono::seconds kOrphansPatience{2};
constexpr std::chrono::milliseconds kLookAgain{2};

struct Count {
  std::mutex mutex;  // held while forking: a child is counted before it can be taken for an orphan
  int running = 0;   // guarded by mutex
};

Count& Ours() {
  static Count count;
  return count;
}

int WaitFor(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

// Children that were a trainer's: whatever this program forks otherwise stays in its session.
std::vector<pid_t> Orphans() {
  std::vector<pid_t> orphans;
  std::error_code failed;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", failed)) {
    std::ifstream children(task.path() / "children");
    for (pid_t pid = 0; children >> pid;) {
      if (getsid(pid) != getsid(0)) orphans.push_back(pid);
    }
  }
  return orphans;
}

// Those that there are now; none while a trainer runs, whose they might be.
std::vector<pid_t> KillThoseThere() {
  Count& ours = Ours();
  const std::lock_guard lock(ours.mutex);
  if (ours.running > 0) return {};
  std::vector<pid_t> orphans = Orphans();
  for (const pid_t pid : orphans) kill(pid, SIGKILL);
  return orphans;
}

// Whether all of them ended until then.
bool WaitForAll(std::vector<pid_t> orphans, std::chrono::steady_clock::time_point until) {
  for (;;) {
    std::erase_if(orphans, [](pid_t pid) { return waitpid(pid, nullptr, WNOHANG) != 0; });
    if (orphans.empty()) return true;
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(kLookAgain);
  }
}

// Whoever forks meanwhile does not wait. One at a time, so that no number that another has reaped
// is waited for: it may be a new child's.
void KillOrphans() {
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  const auto until = std::chrono::steady_clock::now() + kOrphansPatience;
  for (int generation = 0; generation < kGenerationsMax; ++generation) {
    const std::vector<pid_t> orphans = KillThoseThere();
    if (orphans.empty() || !WaitForAll(orphans, until)) return;
  }
}

}  // namespace

pid_t ForkChild() {
  Count& ours = Ours();
  const std::lock_guard lock(ours.mutex);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);  // where it fails, orphans go to the system's first
  const pid_t pid = fork();
  if (pid > 0) ++ours.running;
  return pid;
}

int ReapChild(pid_t pid) {
  const int status = WaitFor(pid);
  Count& ours = Ours();
  bool was_last = false;
  {
    const std::lock_guard lock(ours.mutex);
    was_last = --ours.running == 0;
  }
  if (was_last && getpid() != 1) KillOrphans();
  return status;
}

}  // namespace dure::launcher
