// The aggregator's daemon: doors, log, runs and who is let in, wired together.
//
// Life: Start, serve until asked to stop, destroy. Everything that decides runs on its one event
// loop. It can be killed at any instant: runs, log, seats and blobs are on disk before anybody
// hears of them, and Start goes on from there.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "aggregator/record.h"
#include "federation/clock.h"
#include "federation/result.h"

namespace dure::aggregator {

struct DaemonOptions {
  std::string dir;  // made by `dure consortium init`
  std::string
      listen;  // "host:port"; empty: the port of the consortium's address, on every interface
  std::string listen_enrol;                   // likewise
  int threads = 0;                            // for merging; 0: as many as the machine has
  Duration scrub = std::chrono::hours(24);    // its log is read back once in this time; zero: never
  Duration sweep = std::chrono::minutes(30);  // so long nobody used what goes
  bool alone = false;  // writes without having compared its log with members' copies
  LogSeam log_seam;    // of tests (tests/adversary)
  std::function<void(const std::string&)> say = [](const std::string&) {};  // a line for the log
};

class Daemon {
 public:
  // kNotFound: no aggregator in `dir`; kFailedPrecondition: another one runs there; kUnavailable:
  // an address cannot be listened on.
  static Result<std::unique_ptr<Daemon>> Start(const DaemonOptions& options);
  // Stops taking calls, lets running merges end, closes everything.
  ~Daemon();

  uint16_t port() const;
  uint16_t enrol_port() const;

 private:
  struct State;
  explicit Daemon(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dure::aggregator
