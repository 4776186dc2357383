#include "cli/serving.h"

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

void WaitForEnd() {
  const sigset_t ends = Ends();
  int which = 0;
  sigwait(&ends, &which);
}

}  // namespace dure::cli
