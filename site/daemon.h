// A site's daemon: one member's seat in the consortium.
//
// Life: Start, serve until asked to stop, destroy. It dials out and is never dialled. Everything
// that decides runs on one event loop; training is in a process of its own. It can be killed at any
// instant and goes on from its disk.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "federation/result.h"
#include "site/local_rules.h"

namespace dure::site {

struct DaemonOptions {
  std::string dir;  // made by `dure site enrol`
  // The member's private text: folders or files, each with the terms under which it is lent
  // (lending.h). None: what `dure dataset add` put down.
  std::vector<std::string> data;
  std::vector<std::string> terms;
  std::vector<std::string> columns;  // of tables and records; empty: guessed
  std::string trainer;               // another program for the trainer's seat; empty: dure-trainer
  LocalRules rules;
  int threads = 0;                              // 0: as many as the machine has
  uint32_t ranks = 1;                           // processes that train together
  uint32_t zero = 1;                            // what they split: ZeRO's stage
  std::string device = "auto";                  // of the built-in trainer: auto, cpu or cuda
  std::string recompute = "norms";              // on a GPU: nothing, norms or layers
  bool same_bits = false;                       // on a GPU: each time, slower
  std::string optimizer = "adamw";              // on a GPU: adamw or muon
  std::string precision = "fp32";               // on the CPU: fp32 or bf16
  std::chrono::seconds rank_patience{300};      // for a rank that gives no sign
  bool uses_slurm = false;                      // to start them; else on this machine
  std::string slurm_partition;                  // empty: the cluster's default
  std::vector<std::string> slurm_options;       // of srun
  double upload_mib = 0;                        // a second, at most; 0: no limit
  Duration scrub = std::chrono::hours(24);      // its copy of the record is read back once in this
                                                // time; zero: never
  std::function<void(const std::string&)> say;  // a line for people, from any thread
};

class Daemon {
 public:
  // kNotFound: no identity in `dir`, or no data; kFailedPrecondition: another daemon runs there;
  // kCorrupt: the site's own store is damaged.
  static Result<std::unique_ptr<Daemon>> Start(const DaemonOptions& options);
  ~Daemon();

 private:
  struct State;
  explicit Daemon(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dure::site
