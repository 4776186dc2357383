// dure-sim: worlds of a scenario and a fault recipe, seed after seed; a failing one is told how to
// repeat.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>

#include "tests/sim/swarm.h"

namespace {

constexpr std::string_view kHelp =
    "dure-sim [--seeds N] [--from S] [--scenario NAME] [--faults NAME] [--bug NAME]\n"
    "         [--keys real|stand-in] [--threads N] [--first] [--trace]\n"
    "Runs N simulated federations from seed S. Each seed picks its scenario and faults unless "
    "named.\n"
    "Masked scenarios agree on keys as they say themselves unless told by --keys.\n"
    "Exit code: 0 all promises held, 1 one was broken, 2 wrong usage.\n";

int Usage(const std::string& why) {
  std::fprintf(stderr, "dure-sim: %s\n%.*s", why.c_str(), static_cast<int>(kHelp.size()),
               kHelp.data());
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  dure::sim::SwarmOptions options;
  options.seeds = 1000;
  options.threads = std::max(1U, std::thread::hardware_concurrency());
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--help") return std::printf("%.*s", int(kHelp.size()), kHelp.data()) < 0;
    if (flag == "--first") {
      options.stop_at_first = true;
      continue;
    }
    if (flag == "--trace") {
      options.verbose = true;
      continue;
    }
    if (i + 1 >= argc) return Usage(std::string(flag) + " needs a value");
    const char* value = argv[++i];
    if (flag == "--seeds") {
      options.seeds = std::strtoull(value, nullptr, 10);
    } else if (flag == "--from") {
      options.from = std::strtoull(value, nullptr, 10);
    } else if (flag == "--scenario") {
      options.scenario = value;
    } else if (flag == "--faults") {
      options.faults = value;
    } else if (flag == "--keys") {
      options.real_keys = std::string_view(value) == "real";
      if (!*options.real_keys && std::string_view(value) != "stand-in") {
        return Usage("--keys takes real or stand-in");
      }
    } else if (flag == "--threads") {
      options.threads = static_cast<unsigned>(std::strtoul(value, nullptr, 10));
    } else if (flag == "--bug") {
      auto bug = dure::sim::BugNamed(value);
      if (!bug) return Usage(bug.error().message);
      options.bug = *bug;
    } else {
      return Usage("no option " + std::string(flag));
    }
  }
  auto swarm = dure::sim::Swarm::Load();
  if (!swarm) return Usage(swarm.error().message);
  auto result = swarm->Run(options);
  if (!result) return Usage(result.error().message);
  std::printf("%s\n", result->Summary().c_str());
  return result->failures.empty() ? 0 : 1;
}
