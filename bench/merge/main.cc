// Measures the codec's whole-vector work on files in page cache beside the memory bandwidth of the
// same moment, and prints one JSON object. Bytes are counted once as read and once as written; the
// aggregate's own hash is in "merge_hashed" and not in "merge", whose limit is memory. "files" is
// what the same files give to whoever only reads every word and writes the same bytes: mapped pages
// are found one fault for sixteen, and written through the kernel one thread at a time.
#include <stdlib.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "federation/check.h"
#include "federation/codec/merge.h"
#include "federation/codec/vectors.h"

namespace dure::codec {
namespace {

namespace fs = std::filesystem;

struct Options {
  uint64_t parameters = 100'000'000;
  uint32_t sites = 4;
  Lane lane = Lane::kInt8;
  int threads = 2;
  int repeats = 5;
  std::string folder = fs::temp_directory_path();
};

// The shortest times of some runs, each of its own run.
struct Took {
  double wall = 1e9;
  double cpu = 1e9;  // of all threads: what the neighbours disturb less
};

// Best of some runs: what the machine can do when nothing else disturbs it.
Took Best(int repeats, const std::function<void()>& before, const std::function<void()>& work) {
  Took best;
  for (int i = 0; i < repeats; ++i) {
    before();
    const std::clock_t cpu = std::clock();
    const auto begin = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    best.wall = std::min(best.wall, took.count());
    best.cpu = std::min(best.cpu, static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC);
  }
  return best;
}

void OnThreads(int threads, const std::function<void(int)>& work) {
  std::vector<std::jthread> workers;
  for (int i = 0; i < threads; ++i) workers.emplace_back([&work, i] { work(i); });
}

class Pages {
 public:
  explicit Pages(size_t bytes) : bytes_(bytes) {
    data_ = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    DURE_CHECK(data_ != MAP_FAILED, "there is memory to measure with");
    ::madvise(data_, bytes, MADV_HUGEPAGE);
    std::memset(data_, 1, bytes);
  }
  ~Pages() { ::munmap(data_, bytes_); }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  float* floats() const { return static_cast<float*>(data_); }

 private:
  void* data_;
  size_t bytes_;
};

struct Bandwidth {
  double add = 0;   // a += b: two reads and a write
  double copy = 0;  // memcpy: a read and a write
};

Bandwidth MeasureBandwidth(const Options& options) {
  constexpr size_t kBytes = size_t{512} << 20;
  const Pages a(kBytes), b(kBytes);
  const size_t share = kBytes / sizeof(float) / static_cast<size_t>(options.threads);
  const auto measure = [&](double traffic, const std::function<void(float*, const float*)>& work) {
    const Took took = Best(
        options.repeats, [] {},
        [&] {
          OnThreads(options.threads, [&](int i) {
            const size_t begin = static_cast<size_t>(i) * share;
            work(a.floats() + begin, b.floats() + begin);
          });
        });
    return traffic * static_cast<double>(kBytes) / took.wall / 1e9;
  };
  Bandwidth result;
  result.add = measure(3, [share](float* __restrict to, const float* __restrict from) {
    for (size_t i = 0; i < share; ++i) to[i] += from[i];
  });
  result.copy = measure(
      2, [share](float* to, const float* from) { std::memcpy(to, from, share * sizeof(float)); });
  return result;
}

class Workplace {
 public:
  explicit Workplace(const Options& options) : options_(options) {
    std::string pattern = options.folder + "/dure-bench-XXXXXX";
    DURE_CHECK(::mkdtemp(pattern.data()) != nullptr, "the folder to measure in can be written");
    folder_ = pattern;
  }
  ~Workplace() { fs::remove_all(folder_); }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  void Remove(const std::string& name) const { fs::remove(Path(name)); }
  OutputFile New(const std::string& name, uint64_t bytes) const {
    Remove(name);
    auto file = OutputFile::Create(Path(name), bytes);
    DURE_CHECK(file.has_value(), "the output can be created");
    return *std::move(file);
  }
  // As a round writes the file of an earlier one over.
  OutputFile Again(const std::string& name, uint64_t bytes) const {
    auto file = OutputFile::Reuse(Path(name), bytes);
    DURE_CHECK(file.has_value(), "the output can be written over");
    return *std::move(file);
  }
  MappedFile Map(const std::string& name) const {
    auto file = MappedFile::Open(Path(name));
    DURE_CHECK(file.has_value(), "the input can be mapped");
    return *std::move(file);
  }
  // A file of fp32 values in (-size, size), cheap and of no pattern that matters.
  void FillFloats(const std::string& name, float size, uint32_t seed) const {
    const OutputFile file = New(name, options_.parameters * sizeof(float));
    std::vector<float> values(1 << 18);
    uint32_t state = seed;
    for (uint64_t at = 0; at < options_.parameters; at += values.size()) {
      for (float& value : values) {
        state = state * 1664525 + 1013904223;
        value = size * (static_cast<float>(state >> 8) / 8388608.0F - 1.0F);
      }
      const size_t count = std::min<uint64_t>(values.size(), options_.parameters - at);
      const ByteView bytes(reinterpret_cast<const uint8_t*>(values.data()), count * sizeof(float));
      DURE_CHECK(file.WriteAt(at * sizeof(float), bytes), "the input can be written");
    }
  }

 private:
  const Options& options_;
  fs::path folder_;
};

class Bench {
 public:
  explicit Bench(const Options& options)
      : options_(options),
        place_(options),
        layout_(AggregateLayout::Make(options.lane, options.sites, options.parameters).value()),
        scales_(UniformScales(options.parameters, 0.01F).value()),
        work_{options.threads, nullptr} {}

  void Run() {
    const Bandwidth bandwidth = MeasureBandwidth(options_);
    const double limit = std::max(bandwidth.add, bandwidth.copy);
    place_.FillFloats("base", 1.0F, 1);
    place_.FillFloats("trained", 1.0F, 1);
    place_.FillFloats("residual", 0.005F, 2);
    const Took encode = Encode();
    const Took merge = Pass([this](const auto&... given) { MergeSegmentTo(given...); });
    const Took files = Pass([this](const auto&... given) { ReadAndWrite(given...); });
    const Took hashed = Merge();
    const Took derive = Derive();
    const auto count = static_cast<double>(options_.parameters);
    const auto lane_bytes =
        static_cast<double>(PackedBytes(options_.lane, options_.parameters)) / count;
    const double merge_bytes =
        count * lane_bytes * options_.sites + static_cast<double>(layout_.bytes());
    const double encode_bytes = count * (4 * sizeof(float) + lane_bytes);
    const double derive_bytes = count * 4 * sizeof(float) + static_cast<double>(layout_.bytes());
    std::printf(
        "{\"parameters\": %llu, \"sites\": %u, \"lane\": \"%s\", \"threads\": %d,\n"
        " \"gb_per_s\": %.2f, \"bandwidth_gb_per_s\": %.2f, \"ratio\": %.3f,\n"
        " \"add_gb_per_s\": %.2f, \"copy_gb_per_s\": %.2f,\n"
        " \"files_gb_per_s\": %.2f, \"ratio_to_files\": %.3f,\n"
        " \"merge_s\": %.4f, \"merge_hashed_s\": %.4f, \"merge_hashed_gb_per_s\": %.2f,\n"
        " \"encode_s\": %.4f, \"encode_gb_per_s\": %.2f,\n"
        " \"derive_s\": %.4f, \"derive_gb_per_s\": %.2f,\n"
        " \"merge_cpu_s\": %.4f, \"files_cpu_s\": %.4f, \"merge_hashed_cpu_s\": %.4f,\n"
        " \"encode_cpu_s\": %.4f, \"derive_cpu_s\": %.4f}\n",
        static_cast<unsigned long long>(options_.parameters), options_.sites,
        std::string(Name(options_.lane)).c_str(), options_.threads, merge_bytes / merge.wall / 1e9,
        limit, merge_bytes / merge.wall / 1e9 / limit, bandwidth.add, bandwidth.copy,
        merge_bytes / files.wall / 1e9, files.wall / merge.wall, merge.wall, hashed.wall,
        merge_bytes / hashed.wall / 1e9, encode.wall, encode_bytes / encode.wall / 1e9, derive.wall,
        derive_bytes / derive.wall / 1e9, merge.cpu, files.cpu, hashed.cpu, encode.cpu, derive.cpu);
  }

 private:
  Took Encode() {
    const MappedFile base = place_.Map("base"), trained = place_.Map("trained");
    const MappedFile residual = place_.Map("residual");
    const uint64_t bytes = PackedBytes(options_.lane, options_.parameters);
    for (uint32_t site = 1; site < options_.sites; ++site)
      EncodeSite(site, base, trained, residual);
    Took best;
    { const OutputFile lanes = place_.New("lanes0", bytes); }
    for (int i = 0; i < options_.repeats; ++i) {
      const OutputFile lanes = place_.Again("lanes0", bytes);
      const OutputFile left = place_.Again("left", options_.parameters * sizeof(float));
      const Took took = Best(
          1, [] {},
          [&] {
            const UpdateInput in{base.Floats(), trained.Floats(), residual.Floats(), scales_};
            DURE_CHECK(EncodeUpdate(in, {options_.lane, kWeightOne, 0}, lanes, left, work_),
                       "encodes");
          });
      best.wall = std::min(best.wall, took.wall);
      best.cpu = std::min(best.cpu, took.cpu);
    }
    return best;
  }

  void EncodeSite(uint32_t site, const MappedFile& base, const MappedFile& trained,
                  const MappedFile& residual) {
    const OutputFile lanes =
        place_.New("lanes" + std::to_string(site), PackedBytes(options_.lane, options_.parameters));
    const OutputFile left = place_.New("left", options_.parameters * sizeof(float));
    const UpdateInput in{base.Floats(), trained.Floats(), residual.Floats(), scales_};
    DURE_CHECK(EncodeUpdate(in, {options_.lane, kWeightOne, site}, lanes, left, work_), "encodes");
  }

  std::vector<MappedFile> MapLanes() const {
    std::vector<MappedFile> maps;
    for (uint32_t site = 0; site < options_.sites; ++site) {
      maps.push_back(place_.Map("lanes" + std::to_string(site)));
    }
    return maps;
  }

  // Segments from the spools in page cache to the aggregate's file, without its hash.
  Took Pass(const std::function<void(uint64_t segment, const std::vector<MappedFile>& maps,
                                     std::span<uint8_t> planes, std::span<uint64_t> squares,
                                     const OutputFile& file)>& work) {
    OutputFile file = place_.New("aggregate", layout_.bytes());
    std::vector<MappedFile> maps;
    return Best(
        options_.repeats,
        [&] {
          maps = MapLanes();
          file = place_.Again("aggregate", layout_.bytes());
        },
        [&] {
          std::atomic<uint64_t> next = 0;
          OnThreads(options_.threads, [&](int) {
            Bytes planes(layout_.SegmentBytes(0));
            std::vector<uint64_t> squares(kSegmentParameters / kBlockParameters);
            while (true) {
              const uint64_t segment = next++;
              if (segment >= layout_.segment_count()) return;
              work(segment, maps, planes, squares, file);
            }
          });
        });
  }

  std::vector<ByteView> LanesOf(Range range, const std::vector<MappedFile>& maps) const {
    std::vector<ByteView> lanes;
    for (const MappedFile& map : maps) {
      lanes.push_back(map.bytes().subspan(PackedBytes(options_.lane, range.begin),
                                          PackedBytes(options_.lane, range.size())));
    }
    return lanes;
  }

  void ReadAndWrite(uint64_t segment, const std::vector<MappedFile>& maps,
                    std::span<uint8_t> planes, std::span<uint64_t> squares,
                    const OutputFile& file) const {
    uint64_t sum = 0;
    for (const ByteView lane : LanesOf(layout_.Segment(segment), maps)) {
      uint64_t word = 0;
      for (size_t at = 0; at + sizeof word <= lane.size(); at += sizeof word) {
        std::memcpy(&word, lane.data() + at, sizeof word);
        sum += word;
      }
    }
    squares[0] = sum;  // so that it is read at all
    const auto out = planes.first(layout_.SegmentBytes(segment));
    DURE_CHECK(file.WriteAt(layout_.SegmentOffset(segment), out), "writes");
  }

  void MergeSegmentTo(uint64_t segment, const std::vector<MappedFile>& maps,
                      std::span<uint8_t> planes, std::span<uint64_t> squares,
                      const OutputFile& file) const {
    const Range range = layout_.Segment(segment);
    const auto lanes = LanesOf(range, maps);
    const auto out = planes.first(layout_.SegmentBytes(segment));
    DURE_CHECK(
        MergeSegment(layout_, segment, lanes, {out, squares.first(BlockCount(range.size()))}),
        "merges");
    DURE_CHECK(file.WriteAt(layout_.SegmentOffset(segment), out), "writes");
  }

  Took Merge() {
    OutputFile file = place_.New("aggregate", layout_.bytes());
    std::vector<MappedFile> maps;
    return Best(
        options_.repeats,
        [&] {
          maps = MapLanes();
          file = place_.Again("aggregate", layout_.bytes());
        },
        [&] {
          std::vector<ByteView> lanes;
          for (const MappedFile& map : maps) lanes.push_back(map.bytes());
          const MergeInput in{lanes, scales_, options_.sites * kWeightOne};
          DURE_CHECK(MergeContributions(layout_, in, file, work_), "merges");
        });
  }

  Took Derive() {
    const MappedFile aggregate = place_.Map("aggregate");
    const MappedFile base = place_.Map("base"), momentum = place_.Map("residual");
    OutputFile model = place_.New("model", base.bytes().size());
    OutputFile next = place_.New("next", base.bytes().size());
    return Best(
        options_.repeats,
        [&] {
          model = place_.Again("model", base.bytes().size());
          next = place_.Again("next", base.bytes().size());
        },
        [&] {
          const ModelInput in{base.bytes(),      0,       momentum.Floats(),
                              aggregate.bytes(), scales_, options_.sites * kWeightOne,
                              OuterOptimizer{}};
          DURE_CHECK(DeriveModel(layout_, in, model, &next, work_), "derives");
        });
  }

  const Options& options_;
  Workplace place_;
  AggregateLayout layout_;
  std::vector<float> scales_;
  Work work_;
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
    else if (name == "--lane" && LaneFromName(value))
      options.lane = *LaneFromName(value);
    else
      return false;
  }
  return AggregateLayout::Make(options.lane, options.sites, options.parameters).has_value();
}

}  // namespace
}  // namespace dure::codec

int main(int argc, char** argv) {
  dure::codec::Options options;
  if (!dure::codec::Parse(argc, argv, options)) {
    std::fputs(
        "bench_merge [--parameters N] [--sites M] [--lane int4|int8|int16] [--threads T] "
        "[--repeats R] "
        "[--dir FOLDER] [--json]\n",
        stderr);
    return 2;
  }
  dure::codec::Bench(options).Run();
}
