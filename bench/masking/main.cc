// Measures masking at a site and unmasking at the aggregator, one thread, with every engine that
// this machine has, beside OpenSSL's bare AES-256-CTR and the memory bandwidth of the same run.
// Prints one JSON object. Keystream GB/s counts mask bytes made; lane GB/s counts the lanes masked,
// once a neighbour.
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "federation/check.h"
#include "federation/masking/encode_masked.h"
#include "federation/masking/unmask.h"
#include "federation/random.h"

namespace dure::masking {
namespace {

struct Options {
  uint64_t parameters = uint64_t{16} << 20;
  int repeats = 3;
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

class Pages {
 public:
  explicit Pages(size_t bytes) : bytes_(bytes) {
    void* const data =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    DURE_CHECK(data != MAP_FAILED, "there is memory to measure with");
    ::madvise(data, bytes, MADV_HUGEPAGE);
    data_ = static_cast<uint8_t*>(data);
    std::memset(data_, 1, bytes);
  }
  ~Pages() { ::munmap(data_, bytes_); }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  std::span<uint8_t> span() const { return {data_, bytes_}; }
  std::span<float> floats() const {
    return {reinterpret_cast<float*>(data_), bytes_ / sizeof(float)};
  }

 private:
  uint8_t* data_;
  size_t bytes_;
};

std::vector<Mask> RandomMasks(size_t count) {
  SystemRandom chance;
  std::vector<Mask> masks(count);
  for (size_t i = 0; i < count; ++i) {
    chance.Fill(masks[i].key.key.bytes);
    chance.Fill(masks[i].key.nonce);
    masks[i].direction = i % 2 == 0 ? Direction::kAdd : Direction::kSubtract;
  }
  return masks;
}

std::vector<WordRange> RunsOf(const WordLayout& layout) {
  std::vector<WordRange> runs;
  for (uint64_t at = 0; at < layout.parameter_count(); at += codec::kSegmentParameters) {
    runs.push_back({at, std::min(at + codec::kSegmentParameters, layout.parameter_count())});
  }
  return runs;
}

class Bench {
 public:
  explicit Bench(const Options& options)
      : options_(options), lanes_(options.parameters), payload_(options.parameters * 2 + 64) {
    SystemRandom().Fill(lanes_.span());
    for (uint8_t& lane : lanes_.span()) lane = lane == 0x80 ? 0 : lane;
  }

  void Run() {
    std::printf("{\"parameters\": %llu, \"threads\": 1,\n",
                static_cast<unsigned long long>(options_.parameters));
    std::printf(" \"add_in_memory_gb_per_s\": %.2f, \"evp_ctr_bare_in_cache_gb_per_s\": %.2f,\n",
                MemoryAdd(), BareEvp());
    std::printf(" \"encode_without_masking_s\": %.4f,\n", Encode(0, BestEngine()));
    std::printf(" \"engines\": [\n");
    bool first = true;
    for (const Engine engine : {Engine::kEvp, Engine::kAesNi, Engine::kVaes}) {
      if (!Has(engine)) continue;
      if (!first) std::printf(",\n");
      first = false;
      RunEngine(engine);
    }
    std::printf("]}\n");
  }

 private:
  void RunEngine(Engine engine) {
    std::printf(
        "  {\"engine\": \"%s\", \"in_cache_with_add_gb_per_s\": %.2f, "
        "\"in_memory_with_add_gb_per_s\": %.2f,\n",
        std::string(Name(engine)).c_str(), InCache(engine), InMemory(engine));
    for (const size_t neighbours : {3, 8, 19}) {
      const double seconds = MaskInt8(neighbours + 1, engine);
      const double lanes = static_cast<double>(options_.parameters) *
                           static_cast<double>(neighbours + 1) / seconds / 1e9;
      std::printf(
          "   \"mask_int8_%zu_neighbours\": {\"lane_gb_per_s\": %.2f, "
          "\"keystream_gb_per_s\": %.2f, \"seconds\": %.4f},\n",
          neighbours, lanes, 2 * lanes, seconds);
    }
    std::printf("   \"encode_and_mask_4_sites_s\": %.4f,\n", Encode(4, engine));
    const char* separator = "   ";
    for (const uint32_t dropped : {0, 1, 2}) {
      std::printf("%s\"unmask_20_sites_%u_dropped_s\": %.4f", separator, dropped,
                  Unmask(20, dropped, engine));
      separator = ", ";
    }
    std::printf("}");
  }

  double MemoryAdd() const {
    const Pages a(size_t{256} << 20), b(size_t{256} << 20);
    const double seconds = BestSeconds(options_.repeats, [&] {
      auto* __restrict to = reinterpret_cast<uint32_t*>(a.span().data());
      const auto* __restrict from = reinterpret_cast<const uint32_t*>(b.span().data());
      for (size_t i = 0; i < a.span().size() / 4; ++i) to[i] += from[i];
    });
    return static_cast<double>(a.span().size()) / seconds / 1e9;
  }

  double BareEvp() const {
    const Keystream stream(RandomMasks(1)[0].key, Engine::kEvp);
    Bytes out(64 * 1024);
    constexpr int kTimes = 4000;
    const double seconds = BestSeconds(options_.repeats, [&] {
      for (uint64_t i = 0; i < kTimes; ++i) stream.Read(i * out.size(), out);
    });
    return kTimes * static_cast<double>(out.size()) / seconds / 1e9;
  }

  // Words of 2 bytes that stay in the second-level cache.
  double InCache(Engine engine) const {
    const Keystream stream(RandomMasks(1)[0].key, engine);
    Bytes words(64 * 1024);
    constexpr int kTimes = 4000;
    const double seconds = BestSeconds(options_.repeats, [&] {
      for (uint64_t i = 0; i < kTimes; ++i) {
        stream.Apply(Direction::kAdd, WordBytes::k2, i * words.size(), words);
      }
    });
    return kTimes * static_cast<double>(words.size()) / seconds / 1e9;
  }

  double InMemory(Engine engine) const {
    const Keystream stream(RandomMasks(1)[0].key, engine);
    const Pages words(size_t{256} << 20);
    const double seconds = BestSeconds(
        options_.repeats, [&] { stream.Apply(Direction::kAdd, WordBytes::k2, 0, words.span()); });
    return static_cast<double>(words.span().size()) / seconds / 1e9;
  }

  double MaskInt8(size_t masks_count, Engine engine) {
    const Masks masks(RandomMasks(masks_count), engine);
    const WordLayout layout =
        WordLayout::Make(127, static_cast<uint32_t>(masks_count), options_.parameters).value();
    const auto payload = payload_.span().first(layout.PlaneBytes());
    return BestSeconds(options_.repeats, [&] {
      for (const WordRange run : RunsOf(layout)) {
        DURE_CHECK(MaskLanes(layout, masks, run, lanes_.span().subspan(run.begin, run.size()),
                             PlanesOf(layout, payload, run)),
                   "masks");
      }
    });
  }

  // Rounding, error feedback and masking in one pass; no sites: without masking.
  double Encode(uint32_t sites, Engine engine) {
    const uint64_t count = options_.parameters;
    const Pages base(count * 4), trained(count * 4), residual(count * 4);
    const std::vector<float> scales(codec::BlockCount(count), 1.0F);
    for (uint64_t i = 0; i < count; ++i) {
      base.floats()[i] = 0;
      trained.floats()[i] = static_cast<float>(i % 997) / 997.0F;
      residual.floats()[i] = 0;
    }
    const WordLayout layout = WordLayout::Make(127, std::max(sites, 1U), count).value();
    const Masks masks(RandomMasks(sites), engine);
    const auto payload = payload_.span().first(layout.PlaneBytes());
    return BestSeconds(options_.repeats, [&] {
      for (const WordRange run : RunsOf(layout)) {
        EncodeRun(
            layout, sites, masks, run,
            {base.floats(), trained.floats(), residual.floats(), std::span<const float>(scales)},
            residual.floats(), PlanesOf(layout, payload, run));
      }
    });
  }

  void EncodeRun(const WordLayout& layout, uint32_t sites, const Masks& masks, WordRange run,
                 const codec::EncodeInput& all, std::span<float> residual, PlaneSpan planes) {
    const codec::EncodeInput in{
        all.base.subspan(run.begin, run.size()), all.trained.subspan(run.begin, run.size()),
        all.residual.subspan(run.begin, run.size()),
        all.scales.subspan(run.begin / codec::kBlockParameters, codec::BlockCount(run.size()))};
    const auto lanes = lanes_.span().subspan(run.begin, run.size());
    const auto left = residual.subspan(run.begin, run.size());
    if (sites == 0) {
      DURE_CHECK(codec::EncodeRange({}, run.begin, in, {lanes, left}), "encodes");
    } else {
      DURE_CHECK(EncodeMasked({}, 0, in, layout, masks, run, {planes, lanes, left}), "encodes");
    }
  }

  // The masks to undo cancel what the uploads hold: own masks, and as many masks of dropped pairs
  // as there would be, in pairs that cancel one another.
  double Unmask(uint32_t sites, uint32_t dropped, Engine engine) {
    const uint64_t count = std::min<uint64_t>(options_.parameters, codec::kSegmentParameters * 4);
    const WordLayout masked = WordLayout::Make(127, sites, count).value();
    const uint32_t survivors = sites - dropped;
    const WordLayout sums = WordLayout::Make(127, survivors, count).value();
    std::vector<Mask> undo;
    std::vector<Bytes> uploads(survivors, Bytes(masked.PlaneBytes()));
    for (uint32_t i = 0; i < survivors; ++i) {
      std::vector<Mask> own = RandomMasks(1);
      undo.push_back({own[0].key, Direction::kSubtract});
      if (i == 0 && (dropped * survivors) % 2 == 1) {
        own.push_back(RandomMasks(1)[0]);
        undo.push_back({own[1].key, Direction::kSubtract});
      }
      for (const WordRange run : RunsOf(masked)) {
        DURE_CHECK(MaskLanes(masked, Masks(own), run, lanes_.span().subspan(run.begin, run.size()),
                             PlanesOf(masked, uploads[i], run)),
                   "masks");
      }
    }
    for (uint32_t pair = 0; pair < dropped * survivors / 2; ++pair) {
      const StreamKey key = RandomMasks(1)[0].key;
      undo.push_back({key, Direction::kAdd});
      undo.push_back({key, Direction::kSubtract});
    }
    const Masks masks(undo, engine);
    Bytes aggregate(sums.PlaneBytes());
    const double seconds = BestSeconds(options_.repeats, [&] {
      for (const WordRange run : RunsOf(masked)) {
        std::vector<codec::PlaneView> views;
        for (Bytes& upload : uploads) {
          const PlaneSpan planes = PlanesOf(masked, upload, run);
          views.push_back({planes.low, planes.high});
        }
        DURE_CHECK(UnmaskRange(masked, {views, masks}, run, sums, PlanesOf(sums, aggregate, run)),
                   "unmasks");
      }
    });
    return seconds * static_cast<double>(options_.parameters) / static_cast<double>(count);
  }

  const Options& options_;
  Pages lanes_;
  Pages payload_;
};

bool Parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--json") continue;  // it prints nothing else
    if (i + 1 >= argc) return false;
    const char* const value = argv[++i];
    if (name == "--parameters") {
      options.parameters = std::strtoull(value, nullptr, 10);
    } else if (name == "--repeats") {
      options.repeats = std::max(1, std::atoi(value));
    } else {
      return false;
    }
  }
  return options.parameters > 0 && options.parameters <= uint64_t{1} << 32;
}

}  // namespace
}  // namespace dure::masking

int main(int argc, char** argv) {
  dure::masking::Options options;
  if (!dure::masking::Parse(argc, argv, options)) {
    std::fputs("bench_masking [--parameters N] [--repeats R] [--json]\n", stderr);
    return 2;
  }
  dure::masking::Bench(options).Run();
}
