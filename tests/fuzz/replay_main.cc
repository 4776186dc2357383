// dure-replaying TARGET PATH…: gives a fuzz target its corpus without libFuzzer, every file of each
// folder or path.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/fuzz/replay.h"

namespace {

// The whole input, and again cut short at many places: a parser must be total.
void Replay(const dure::FuzzTarget& target, const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  target.run(bytes, text.size());
  const size_t stride = std::max<size_t>(1, text.size() / 64);
  for (size_t cut = 0; cut < text.size(); cut += stride) target.run(bytes, cut);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<dure::FuzzTarget> targets = dure::FuzzTargets();
  const std::string_view name = argc > 1 ? argv[1] : "";
  const auto target = std::find_if(targets.begin(), targets.end(),
                                   [&](const auto& each) { return each.name == name; });
  if (target == targets.end()) {
    std::fprintf(stderr, "no fuzz target is named '%s'\n", argc > 1 ? argv[1] : "");
    return 1;
  }
  std::vector<std::filesystem::path> files;
  for (int i = 2; i < argc; ++i) {
    if (std::filesystem::is_directory(argv[i])) {
      for (const auto& entry : std::filesystem::directory_iterator(argv[i]))
        files.push_back(entry.path());
    } else {
      files.emplace_back(argv[i]);
    }
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files) Replay(*target, file);
  if (files.empty()) {
    std::fprintf(stderr, "no corpus files given\n");
    return 1;
  }
  std::printf("replayed %zu corpus files\n", files.size());
  return 0;
}
