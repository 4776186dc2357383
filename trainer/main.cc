// dure-trainer: the built-in trainer. Started by a site's daemon, never by hand: it needs the
// daemon's socket as an open file, and in a gang one to each other rank.
//
//   --seat-fd N | --seat-stdio     where the daemon speaks; rank 0's alone
//   --read PATH, --write PATH      what it may open
//   --rank R --peer FD …           in a gang: this rank, and the others' sockets in their order
//   --gang-folder DIR --slurm      in a gang over hosts: where it meets, with what Slurm calls it
//   --patience-ms MS               how long another rank may give no sign
//   --device auto|cpu|cuda         what computes; auto: a GPU where each rank has one
//   --optimizer adamw|muon         muon: on a GPU, for the layers' matrices
//   --precision fp32|bf16          of the CPU's products
//   --recompute nothing|norms|layers   what a GPU makes again in the backward to save memory
//   --same-bits yes|no                 whether a GPU gives the same bits each time
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "model/collective/join.h"
#include "trainer/gang.h"
#include "trainer/sandbox.h"
#include "trainer/seat_loop.h"

namespace {

using dure::Result;
using dure::model::collective::Collective;

struct Arguments {
  int seat_in = -1;
  int seat_out = -1;
  dure::trainer::Confinement confinement;
  uint32_t rank = 0;
  uint32_t ranks_here = 1;
  uint32_t local_rank = 0;  // on this machine
  std::vector<int> peers;
  std::string gang_folder;
  bool in_slurm = false;
  std::chrono::milliseconds patience = dure::model::collective::kPatience;
  dure::trainer::EngineOptions engine;
};

bool TakeFlag(std::string_view name, Arguments* arguments) {
  if (name == "--seat-stdio") {
    arguments->seat_in = 0;
    arguments->seat_out = 1;
  } else if (name == "--slurm") {
    arguments->in_slurm = arguments->engine.in_slurm = true;
  } else {
    return false;
  }
  return true;
}

bool TakeEngine(std::string_view name, std::string_view value,
                dure::trainer::EngineOptions* engine) {
  using Wanted = dure::trainer::EngineOptions::Wanted;
  using dure::model::cuda::Recompute;
  if (name == "--device" && value == "auto") {
    engine->wanted = Wanted::kAuto;
  } else if (name == "--device" && value == "cpu") {
    engine->wanted = Wanted::kCpu;
  } else if (name == "--device" && value == "cuda") {
    engine->wanted = Wanted::kCuda;
  } else if (name == "--precision" && (value == "fp32" || value == "bf16")) {
    using dure::model::cpu::Precision;
    engine->precision = value == "bf16" ? Precision::kBf16 : Precision::kFp32;
  } else if (name == "--optimizer" && (value == "adamw" || value == "muon")) {
    engine->cuda.uses_muon = value == "muon";
  } else if (name == "--same-bits" && (value == "yes" || value == "no")) {
    engine->cuda.same_bits = value == "yes";
  } else if (name == "--recompute" && value == "nothing") {
    engine->cuda.recompute = Recompute::kNothing;
  } else if (name == "--recompute" && value == "norms") {
    engine->cuda.recompute = Recompute::kNorms;
  } else if (name == "--recompute" && value == "layers") {
    engine->cuda.recompute = Recompute::kLayers;
  } else {
    return false;
  }
  return true;
}

// The driver's files, which each context opens as it needs them.
std::vector<std::filesystem::path> GpuPaths() {
  std::vector<std::filesystem::path> paths = {"/proc/driver/nvidia", "/dev/shm"};
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/dev", error)) {
    if (entry.path().filename().string().starts_with("nvidia")) paths.push_back(entry.path());
  }
  return paths;
}

bool TakeValue(std::string_view name, const char* value, Arguments* arguments) {
  if (name == "--seat-fd") {
    arguments->seat_in = arguments->seat_out = std::atoi(value);
    return arguments->seat_in > 2;
  }
  if (name == "--read") {
    arguments->confinement.read_paths.emplace_back(value);
  } else if (name == "--write") {
    arguments->confinement.write_paths.emplace_back(value);
  } else if (name == "--rank") {
    arguments->rank = static_cast<uint32_t>(std::atoi(value));
  } else if (name == "--peer") {
    arguments->peers.push_back(std::atoi(value));
  } else if (name == "--gang-folder") {
    arguments->gang_folder = value;
  } else if (name == "--patience-ms") {
    arguments->patience = std::chrono::milliseconds(std::atoll(value));
  } else {
    return TakeEngine(name, value, &arguments->engine);
  }
  return true;
}

bool Parse(int argc, char** argv, Arguments* arguments) {
  for (int i = 1; i < argc; ++i) {
    if (TakeFlag(argv[i], arguments)) continue;
    if (i + 1 == argc || !TakeValue(argv[i], argv[i + 1], arguments)) return false;
    ++i;
  }
  if (arguments->rank > arguments->peers.size()) return false;
  return arguments->seat_in >= 0 || arguments->rank > 0 || arguments->in_slurm;
}

uint32_t NumberFromSlurm(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? 0 : static_cast<uint32_t>(std::atoi(text));
}

Result<std::unique_ptr<Collective>> MeetInFolder(Arguments* arguments) {
  dure::model::collective::Rendezvous place;
  place.rank = arguments->rank = NumberFromSlurm("SLURM_PROCID");
  place.world = NumberFromSlurm("SLURM_NTASKS");
  if (place.rank >= place.world || place.world > dure::model::collective::kWorldMax) {
    return dure::Fail(dure::ErrorCode::kInvalid, "Slurm did not say which rank this is");
  }
  place.folder = arguments->gang_folder;
  // "2" or "2(x4)": as many tasks on the first nodes.
  arguments->ranks_here = std::max(1u, NumberFromSlurm("SLURM_STEP_TASKS_PER_NODE"));
  arguments->local_rank = NumberFromSlurm("SLURM_LOCALID");
  const char* node = std::getenv("SLURMD_NODENAME");
  const bool is_alone = NumberFromSlurm("SLURM_STEP_NUM_NODES") == 1;
  place.host = is_alone || node == nullptr ? "127.0.0.1" : node;
  DURE_ASSIGN(place.secret, dure::model::collective::ReadSecret(place.folder));
  dure::SystemRandom random;
  DURE_ASSIGN(std::vector<int> sockets, dure::model::collective::Join(place, random));
  return dure::model::collective::MakeSockets(place.rank, std::move(sockets));
}

// Before confinement: afterwards nothing can be connected any more.
Result<std::unique_ptr<Collective>> Meet(Arguments* arguments) {
  if (!arguments->gang_folder.empty()) return MeetInFolder(arguments);
  if (arguments->peers.empty()) return dure::model::collective::MakeSingle();
  std::vector<int> sockets = arguments->peers;
  sockets.insert(sockets.begin() + arguments->rank, -1);
  arguments->ranks_here = static_cast<uint32_t>(sockets.size());
  arguments->local_rank = arguments->rank;
  return dure::model::collective::MakeSockets(arguments->rank, std::move(sockets));
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!Parse(argc, argv, &arguments)) {
    std::fprintf(stderr, "dure-trainer is started by `dure site serve`, not by hand\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);  // an end that is gone is seen where it is written to
  const auto gang = Meet(&arguments);
  if (!gang) {
    std::fprintf(stderr, "dure-trainer: the gang did not meet: %s\n", gang.error().message.c_str());
    return dure::seat::kGangLostExit;
  }
  (*gang)->set_patience(arguments.patience);
  const auto engine = dure::trainer::Engine::Choose(arguments.engine, **gang, arguments.local_rank,
                                                    arguments.ranks_here);
  if (!engine) {
    std::fprintf(stderr, "dure-trainer: %s\n", engine.error().message.c_str());
    return 3;
  }
  if ((*engine)->uses_gpu()) arguments.confinement.device_paths = GpuPaths();
  const auto protections = dure::trainer::Confine(arguments.confinement);
  if (!protections) {
    std::fprintf(stderr, "dure-trainer: %s\n", protections.error().message.c_str());
    return 3;
  }
  if (arguments.rank > 0) dure::trainer::Attend(**gang, **engine, arguments.ranks_here);
  dure::seat::Channel channel(arguments.seat_in, arguments.seat_out);
  dure::trainer::Serve(&channel, *protections, **gang, **engine, arguments.ranks_here);
}
