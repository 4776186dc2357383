// Measures the audit of a whole record: what `dure ledger verify --full` calls, over a log on disk
// (written_record.h) whose every decision is decided again, beside the signature checks alone of
// the same entries over the same threads. Prints one JSON object; the ratio is the figure.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "bench/audit/written_record.h"
#include "federation/check.h"
#include "policy/ledger/dsse.h"
#include "policy/ledger/sqlite_ledger.h"
#include "policy/standing/verify.h"

namespace dure::bench {
namespace {

namespace fs = std::filesystem;
using Seconds = std::chrono::duration<double>;
using SteadyClock = std::chrono::steady_clock;

// What an Ed25519 check takes, and nothing else of the entry.
struct Signed {
  PublicKey key{};
  Bytes message;
  Bytes signature;
};

std::vector<Signed> SignaturesOf(const ledger::LogReader& log) {
  std::vector<Signed> all;
  const uint64_t size = log.Head().head.size;
  while (all.size() < size) {
    const auto page = log.Read(all.size(), size, 1024 * 1024);
    DURE_CHECK(page && !page->empty(), "the log reads back");
    for (const Bytes& entry : *page) {
      const ledger::Envelope envelope = *ledger::ParseEnvelope(entry);
      all.push_back({ledger::ParseEntry(entry)->record.actor.key,
                     ledger::PreAuthenticationEncoding(envelope.payload_type, envelope.payload),
                     envelope.signatures[0].signature});
    }
  }
  return all;
}

// Of the clock, and of the processor over all threads: what else runs here disturbs that less.
struct Took {
  double wall = 1e9;
  double cpu = 1e9;
  void KeepBest(const Took& other) {
    wall = std::min(wall, other.wall);
    cpu = std::min(cpu, other.cpu);
  }
};

class Stopwatch {
 public:
  Took Read() const {
    return {Seconds(SteadyClock::now() - start_).count(), CpuSeconds() - cpu_start_};
  }

 private:
  static double CpuSeconds() {
    timespec used{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
  }
  const SteadyClock::time_point start_ = SteadyClock::now();
  const double cpu_start_ = CpuSeconds();
};

Took CheckSignatures(const std::vector<Signed>& all, const Verifier& verifier, unsigned threads) {
  const Stopwatch watch;
  std::atomic<size_t> next = 0;
  std::atomic<bool> sound = true;
  const auto check = [&] {
    for (size_t i = next++; i < all.size(); i = next++) {
      if (!verifier.VerifyRaw(all[i].key, all[i].message, all[i].signature)) sound = false;
    }
  };
  std::vector<std::jthread> workers;
  for (unsigned t = 0; t < threads; ++t) workers.emplace_back(check);
  workers.clear();
  DURE_CHECK(sound, "every signature holds");
  return watch.Read();
}

struct Audited {
  Took took;
  uint64_t decisions = 0;
};

Audited Audit(const std::string& dir, const Verifier& verifier, unsigned threads, uint64_t size) {
  const Stopwatch watch;
  const auto verified = standing::VerifyFolder(dir, std::nullopt, verifier, threads);
  Audited audited{watch.Read()};
  DURE_CHECK(verified && verified->report.head.size == size, "the whole log verifies");
  DURE_CHECK(!verified->auditor.dissent() && verified->auditor.voids().empty(), "all of it holds");
  for (const auto& [words, count] : verified->auditor.standing().state().words) {
    audited.decisions += count;
  }
  return audited;
}

void Measure(const std::string& dir, int times) {
  const Ed25519Verifier verifier;
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  std::vector<Signed> signatures;
  {
    const auto copy = ledger::OpenLogCopy(dir, verifier);
    DURE_CHECK(copy.has_value(), "the copy opens");
    signatures = SignaturesOf(**copy);
  }
  // Several times each, in turn, and the best of each, so that a disturbance hits neither alone.
  Took alone;
  Took whole;
  uint64_t decisions = 0;
  for (int i = 0; i < times; ++i) {
    alone.KeepBest(CheckSignatures(signatures, verifier, cores));
    const Audited audited = Audit(dir, verifier, cores, signatures.size());
    whole.KeepBest(audited.took);
    decisions = audited.decisions;
  }
  const auto count = [](uint64_t n) { return static_cast<unsigned long long>(n); };
  std::printf(
      "{\"bench\":\"audit\",\"entries\":%llu,\"decisions\":%llu,\"bytes\":%llu,\"cores\":%u,"
      "\"verify_full_s\":%.2f,\"signature_checks_alone_s\":%.2f,\"ratio\":%.3f,"
      "\"target_ratio\":1.3,\"cpu_ratio\":%.3f,\"entries_per_second\":%.0f}\n",
      count(signatures.size()), count(decisions), count(fs::file_size(dir + "/ledger.db")), cores,
      whole.wall, alone.wall, whole.wall / alone.wall, whole.cpu / alone.cpu,
      static_cast<double>(signatures.size()) / whole.wall);
}

int Run(uint64_t entries, int times, const std::string& folder) {
  std::string dir = folder + "/dure-bench-audit-XXXXXX";
  DURE_CHECK(mkdtemp(dir.data()) != nullptr, "the folder can be written");
  WriteRecord(dir, entries);
  Measure(dir, times);
  fs::remove_all(dir);
  return 0;
}

}  // namespace
}  // namespace dure::bench

// bench_audit [--entries N] [--dir FOLDER] | --record FOLDER
int main(int argc, char** argv) {
  CLI::App app("a record of N entries verified whole, beside its signature checks alone");
  uint64_t entries = 100000;
  std::string folder = std::filesystem::temp_directory_path().string();
  app.add_option("--entries", entries, "entries of the record")->check(CLI::Range(1, 10'000'000));
  int times = 2;
  app.add_option("--times", times, "how often each is measured")->check(CLI::Range(1, 100));
  app.add_option("--dir", folder, "where it is written");
  std::string record;
  app.add_option("--record", record, "measures the record of this folder, and writes none");
  app.add_flag("--json")->description("it prints nothing else");
  CLI11_PARSE(app, argc, argv);
  if (record.empty()) return dure::bench::Run(entries, times, folder);
  dure::bench::Measure(record, times);
  return 0;
}
