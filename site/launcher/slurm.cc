#include "site/launcher/slurm.h"

#include <unistd.h>

#include <array>
#include <cstdlib>

#include "model/collective/join.h"
#include "site/launcher/local_trainer.h"

namespace dure::launcher {
namespace {

namespace fs = std::filesystem;

// What srun itself needs to find its cluster; the ranks get none of it.
std::vector<std::string> SlurmEnvironment() {
  std::vector<std::string> variables;
  for (const char* name : {"SLURM_CONF", "HOME", "USER", "LOGNAME"}) {
    if (const char* value = std::getenv(name)) variables.push_back(std::string(name) + "=" + value);
  }
  return variables;
}

Result<fs::path> MakeMeetingPlace(const fs::path& parent, const std::string& name, Random& random) {
  const fs::path folder = parent / name;
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (!failed) fs::permissions(folder, fs::perms::owner_all, failed);
  if (failed) return Fail(ErrorCode::kUnavailable, folder.string() + ": " + failed.message());
  DURE_TRY(model::collective::WriteSecret(folder, random));
  return folder;
}

}  // namespace

fs::path FindProgram(const std::string& name) {
  for (const char* folder : {"/usr/local/bin", "/usr/bin", "/bin", "/opt/slurm/bin"}) {
    const fs::path path = fs::path(folder) / name;
    if (access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

Result<std::unique_ptr<Trainer>> SlurmLauncher::Start(const TrainerSpec& spec,
                                                      TrainerObserver observer) {
  if (spec.ranks < 1 || spec.ranks > kRanksMax) {
    return Fail(ErrorCode::kInvalid, "a gang has 1 to " + std::to_string(kRanksMax) + " ranks");
  }
  const fs::path srun = FindProgram("srun");
  if (srun.empty()) {
    return Fail(ErrorCode::kNotFound, "there is no srun here: install Slurm's client programs");
  }
  std::array<uint8_t, 8> number;
  random_.Fill(number);
  const std::string name = "dure-" + ToHex(number);
  DURE_ASSIGN(const fs::path meeting, MakeMeetingPlace(folder_, name, random_));
  Command command;
  command.environment = SlurmEnvironment();
  command.seat_on_stdio = true;
  command.line = {srun.string(), "--job-name=" + name, "--ntasks=" + std::to_string(spec.ranks),
                  "--cpus-per-task=" + std::to_string(options_.cpus_per_rank),
                  // Rank 0 alone has the seat; its lines must not wait for more of them.
                  "--input=0", "--unbuffered", "--quiet",
                  // The first rank that ends is named by those it leaves; then all go.
                  "--wait=10", "--export=LC_ALL=C.UTF-8,TZ=UTC,PATH=/usr/local/bin:/usr/bin:/bin"};
  if (!options_.partition.empty()) command.line.push_back("--partition=" + options_.partition);
  command.line.insert(command.line.end(), options_.options.begin(), options_.options.end());
  DURE_ASSIGN(const std::vector<std::string> trainer, TrainerProgram(spec));
  command.line.insert(command.line.end(), trainer.begin(), trainer.end());
  command.line.insert(command.line.end(),
                      {"--seat-stdio", "--slurm", "--gang-folder", meeting.string(),
                       "--patience-ms", std::to_string(spec.rank_patience.count())});
  AddPaths(spec, &command.line);

  TrainerObserver mine = observer;
  mine.on_exit = [meeting, name, tell = observer.on_exit](const TrainerExit& exit) {
    std::error_code ignored;  // a folder that stays holds a secret of a gang that is no more
    fs::remove_all(meeting, ignored);
    if (exit.signal != 0) {
      RunToTheEnd({FindProgram("scancel").string(), "--quiet", "--name=" + name},
                  SlurmEnvironment());
    }
    TrainerExit told = exit;
    told.reason = "Slurm's " + name + ": " + exit.reason;
    if (tell) tell(told);
  };
  return StartLocal(spec, {command}, std::move(mine));
}

}  // namespace dure::launcher
