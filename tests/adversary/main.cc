// dure-forging: an aggregator that lies once. It is the real daemon with a forged log in the place
// of its own; what sites and officers make of that is looked at from outside
// (tests/e2e/adversary_test.py).
//
//   dure-forging DIR LISTEN LISTEN_ENROL ACT WHEN [FOLDER OF A SITE THAT COLLUDES]
#include <signal.h>

#include <atomic>
#include <fstream>
#include <iostream>
#include <iterator>

#include "aggregator/daemon.h"
#include "federation/canonical.h"
#include "federation/identity/identity.h"
#include "federation/wire_hook.h"
#include "tests/adversary/forged_log.h"

namespace {

using namespace dure;

std::atomic<const adversary::ForgedLog*> log_told;  // while the daemon stands

// Sites are shown no entry any more, and rosters name one that everybody has.
void HideEntries(std::string_view place, std::string_view, Bytes& bytes) {
  const adversary::ForgedLog* log = log_told.load();
  if (log == nullptr) return;
  if (place == "aggregator.head") {
    if (const auto shown = log->Shown()) bytes = ToBytes(shown->note);
  } else if (place == "aggregator.roster") {
    CanonicalWriter named;
    for (size_t i = 0; i < bytes.size() / sizeof(uint64_t); ++i) named.U64(1);
    bytes = named.Take();
  }
}

Status Serve(const std::vector<std::string>& arguments) {
  aggregator::DaemonOptions options;
  options.dir = arguments[0];
  options.listen = arguments[1];
  options.listen_enrol = arguments[2];
  options.threads = 1;
  DURE_ASSIGN(const adversary::Act act, adversary::ParseAct(arguments[3]));
  DURE_ASSIGN(const identity::Identity self, identity::LoadIdentity(options.dir));
  std::ifstream in(options.dir + "/log.key");
  const std::string pem{std::istreambuf_iterator<char>(in), {}};
  DURE_ASSIGN(const auto log_signer, Ed25519Signer::FromPem(pem));
  std::optional<identity::Identity> colluder;
  if (arguments.size() > 5 && !arguments[5].starts_with("-")) {
    DURE_ASSIGN(colluder, identity::LoadIdentity(arguments[5]));
  }
  const bool hides = act == adversary::Act::kSilent || act == adversary::Act::kUnadmitted;
  if (hides) SetWireHook(HideEntries);
  adversary::Keys keys{log_signer.get(), self.signer.get(), nullptr};
  if (colluder) keys.colluder = colluder->signer.get();
  options.log_seam =
      [&](std::unique_ptr<ledger::Ledger> honest) -> Result<std::unique_ptr<ledger::Ledger>> {
    DURE_ASSIGN(auto forged,
                adversary::ForgedLog::Make(std::move(honest), keys, act, arguments[4]));
    log_told = forged.get();
    return forged;
  };
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  signal(SIGPIPE, SIG_IGN);
  DURE_ASSIGN(const auto daemon, aggregator::Daemon::Start(options));
  std::cout << "{\"ready\":true}" << std::endl;
  int which = 0;
  sigwait(&ends, &which);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() < 5) {
    std::cerr << "dure-forging DIR LISTEN LISTEN_ENROL ACT WHEN\n";
    return 2;
  }
  const Status served = Serve(arguments);
  if (served) return 0;
  std::cerr << served.error().message << "\n";
  return 1;
}
