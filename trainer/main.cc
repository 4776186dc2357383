// dure-trainer --seat-fd N [--read PATH]... [--write PATH]...: the built-in trainer. Started by a
// site's daemon, never by hand: it needs the daemon's socket as an open file.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "trainer/sandbox.h"
#include "trainer/seat_loop.h"

namespace {

struct Arguments {
  int seat_fd = -1;
  dure::trainer::Confinement confinement;
};

bool Parse(int argc, char** argv, Arguments* arguments) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--seat-fd") {
      arguments->seat_fd = std::atoi(argv[i + 1]);
    } else if (name == "--read") {
      arguments->confinement.read_paths.emplace_back(argv[i + 1]);
    } else if (name == "--write") {
      arguments->confinement.write_paths.emplace_back(argv[i + 1]);
    } else {
      return false;
    }
  }
  return argc % 2 == 1 && arguments->seat_fd > 2;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!Parse(argc, argv, &arguments)) {
    std::fprintf(stderr, "dure-trainer is started by `dure site serve`, not by hand\n");
    return 2;
  }
  const auto protections = dure::trainer::Confine(arguments.confinement);
  if (!protections) {
    std::fprintf(stderr, "dure-trainer: %s\n", protections.error().message.c_str());
    return 3;
  }
  dure::seat::Channel channel(arguments.seat_fd);
  dure::trainer::Serve(&channel, *protections);
}
