#include "site/launcher/children.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <vector>

namespace dure::launcher {
namespace {

// Orphans have children of their own, who come once those are dead; who forks faster than it is
// killed is left to the system.
constexpr int kGenerationsMax = 100;

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

void KillOrphans() {
  for (int generation = 0; generation < kGenerationsMax; ++generation) {
    const std::vector<pid_t> orphans = Orphans();
    if (orphans.empty()) return;
    for (const pid_t pid : orphans) kill(pid, SIGKILL);
    for (const pid_t pid : orphans) WaitFor(pid);
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
  const std::lock_guard lock(ours.mutex);
  if (--ours.running == 0 && getpid() != 1) KillOrphans();
  return status;
}

}  // namespace dure::launcher
