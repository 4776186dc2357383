#include "cli/serving.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

namespace dure::cli {
namespace {

sigset_t Ends() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

void HoldSignals() {
  const sigset_t ends = Ends();
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

void RaiseFileLimit() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);  // refused, the shell's limit stays
}

void KeepFilesToOwner() { umask(S_IRWXG | S_IRWXO); }

void WaitForEnd() {
  const sigset_t ends = Ends();
  int which = 0;
  sigwait(&ends, &which);
}

}  // namespace dure::cli
