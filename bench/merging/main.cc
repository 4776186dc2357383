// Measures robust merging beside the mean of the same contributions, on files in page cache, and
// prints one JSON object: seconds of each rule, and how many times the mean's that is.
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "federation/check.h"
#include "federation/merging/vectors.h"

namespace dure::merging {
namespace {

namespace fs = std::filesystem;

struct Options {
  uint64_t parameters = 10'000'000;
  uint32_t sites = 9;
  codec::Lane lane = codec::Lane::kInt8;
  int threads = 2;
  int repeats = 3;
  std::string folder = fs::temp_directory_path();
};

double BestSeconds(int repeats, const std::function<void()>& work) {
  double best = 1e9;
  for (int i = 0; i < repeats; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    best = std::min(best, took.count());
  }
  return best;
}

class Bench {
 public:
  explicit Bench(const Options& options)
      : options_(options),
        layout_(
            codec::AggregateLayout::Make(options.lane, options.sites, options.parameters).value()),
        scales_(codec::UniformScales(options.parameters, 1.0F).value()) {
    std::string pattern = options.folder + "/dure-bench-XXXXXX";
    DURE_CHECK(::mkdtemp(pattern.data()) != nullptr, "the folder to measure in can be written");
    folder_ = pattern;
    for (uint32_t site = 0; site < options.sites; ++site) WriteLanes(site);
    for (const codec::MappedFile& map : maps_) views_.push_back(map.bytes());
    in_.contributions = views_;
    in_.scales = scales_;
    in_.weight_sum = options.sites * codec::kWeightOne;
    work_.threads = options.threads;
  }
  ~Bench() { fs::remove_all(folder_); }

  void Run() {
    const std::string path = folder_ / "aggregate";
    const auto file = codec::OutputFile::Create(path, layout_.bytes()).value();
    const double mean = BestSeconds(options_.repeats, [&] {
      DURE_CHECK(codec::MergeContributions(layout_, in_, file, work_), "merges");
    });
    std::printf("{\"parameters\": %llu, \"sites\": %u, \"lane\": \"%s\", \"threads\": %d",
                static_cast<unsigned long long>(options_.parameters), options_.sites,
                std::string(Name(options_.lane)).c_str(), options_.threads);
    std::printf(", \"mean_seconds\": %.4f", mean);
    const uint32_t faults = (options_.sites - 3) / 2;
    for (const std::string& text :
         {std::string("norm-bound=1"), std::string("median"),
          "trimmed-mean=" + std::to_string(faults), "krum=" + std::to_string(faults),
          "multi-krum=" + std::to_string(faults) + ",2", std::string("centered-clipping=1"),
          std::string("geometric-median"), std::string("direction-norm")}) {
      const auto rule = round::MergeRule::Parse(text).value();
      const double seconds = BestSeconds(options_.repeats, [&] {
        DURE_CHECK(MergeByRule(rule, layout_, in_, file, work_), "merges");
      });
      std::printf(", \"%s\": {\"seconds\": %.4f, \"times_mean\": %.2f}", text.c_str(), seconds,
                  seconds / mean);
    }
    std::printf("}\n");
  }

 private:
  // Lanes of no pattern that matters.
  void WriteLanes(uint32_t site) {
    const std::string path = folder_ / ("lanes-" + std::to_string(site));
    const uint64_t bytes = PackedBytes(options_.lane, options_.parameters);
    const auto file = codec::OutputFile::Create(path, bytes).value();
    Bytes piece(1 << 20);
    uint32_t state = site + 1;
    for (uint64_t at = 0; at < bytes; at += piece.size()) {
      for (uint8_t& byte : piece) {
        state = state * 1664525 + 1013904223;
        // Two int4 lanes of -7 to 7, or bytes that no int8 or int16 lane refuses.
        const uint32_t chance = state >> 24;
        byte = static_cast<uint8_t>(options_.lane == codec::Lane::kInt4
                                        ? ((chance % 15 + 9) & 15) | ((chance % 13 + 10) & 15) << 4
                                        : chance % 201 - 100);
      }
      const auto count = std::min<uint64_t>(piece.size(), bytes - at);
      DURE_CHECK(file.WriteAt(at, ByteView(piece).first(count)), "writes");
    }
    maps_.push_back(codec::MappedFile::Open(path).value());
  }

  Options options_;
  fs::path folder_;
  codec::AggregateLayout layout_;
  std::vector<float> scales_;
  std::vector<codec::MappedFile> maps_;
  std::vector<ByteView> views_;
  codec::MergeInput in_;
  codec::Work work_;
};

bool Parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--json") continue;  // it prints nothing else
    if (i + 1 >= argc) return false;
    const char* const value = argv[++i];
    if (name == "--parameters")
      options.parameters = std::strtoull(value, nullptr, 10);
    else if (name == "--sites")
      options.sites = static_cast<uint32_t>(std::strtoul(value, nullptr, 10));
    else if (name == "--threads")
      options.threads = std::max(1, std::atoi(value));
    else if (name == "--repeats")
      options.repeats = std::max(1, std::atoi(value));
    else if (name == "--dir")
      options.folder = value;
    else if (name == "--lane" && codec::LaneFromName(value))
      options.lane = *codec::LaneFromName(value);
    else
      return false;
  }
  return options.sites >= 6 &&
         codec::AggregateLayout::Make(options.lane, options.sites, options.parameters).has_value();
}

}  // namespace
}  // namespace dure::merging

int main(int argc, char** argv) {
  dure::merging::Options options;
  if (!dure::merging::Parse(argc, argv, options)) {
    std::fputs(
        "bench_merging [--parameters N] [--sites M, 6 or more] [--lane int4|int8|int16] [--threads "
        "T] "
        "[--repeats R] [--dir FOLDER] [--json]\n",
        stderr);
    return 2;
  }
  dure::merging::Bench(options).Run();
}
