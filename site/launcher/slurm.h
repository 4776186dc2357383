// A gang through Slurm: the launcher's child is `srun`, which allocates, starts a rank on each of
// its tasks and carries rank 0's seat on its standard input and output. The ranks meet over TCP in
// a folder that all nodes see, with a secret that only this user can read; it goes with the gang.
//
// When srun or the daemon dies, rank 0 sees its seat end, leaves, and the others with it. A gang
// that had to be killed is also cancelled by name, so that no allocation stays behind.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "federation/random.h"
#include "site/launcher/launcher.h"

namespace dure::launcher {

struct SlurmOptions {
  std::string partition;             // empty: the cluster's default
  std::vector<std::string> options;  // of srun, as typed: --account=…, --time=…, --gres=…
  uint32_t cpus_per_rank = 1;
};

class SlurmLauncher final : public Launcher {
 public:
  // `folder` is where gangs meet, below the trainer's work folder; made if needed.
  SlurmLauncher(SlurmOptions options, std::filesystem::path folder)
      : options_(std::move(options)), folder_(std::move(folder)) {}
  // Also kNotFound: there is no srun.
  Result<std::unique_ptr<Trainer>> Start(const TrainerSpec& spec,
                                         TrainerObserver observer) override;

 private:
  const SlurmOptions options_;
  const std::filesystem::path folder_;
  SystemRandom random_;
};

// Where the system keeps a program of this name; empty: nowhere on its path.
std::filesystem::path FindProgram(const std::string& name);

}  // namespace dure::launcher
