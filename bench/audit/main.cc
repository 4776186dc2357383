// Measures the audit of a whole record: `dure ledger verify --full` over a log on disk, rounds of
// four sites with their submissions and receipts, beside the signature checks alone of the same
// entries over the same threads. Prints one JSON object; the ratio is the figure.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "federation/check.h"
#include "policy/ledger/dsse.h"
#include "policy/ledger/merkle.h"
#include "policy/ledger/sqlite_ledger.h"

namespace dure::ledger {
namespace {

namespace fs = std::filesystem;
using Seconds = std::chrono::duration<double>;
using SteadyClock = std::chrono::steady_clock;

constexpr size_t kSites = 4;
constexpr size_t kQueued = 2048;  // appends under way

struct Pen {
  std::unique_ptr<Ed25519Signer> signer = Ed25519Signer::Generate();
  Actor actor;
  SiteId site;
  ActorChain chain;
};

class Writer {
 public:
  explicit Writer(const std::string& dir) {
    SqliteLedgerOptions options;
    options.dir = dir;
    options.log_key = log_key_;
    options.log_signer = log_signer_.get();
    options.verifier = &verifier_;
    auto opened = OpenSqliteLedger(options);
    DURE_CHECK(opened.has_value(), "the ledger opens in a fresh folder");
    ledger_ = std::move(*opened);
    host_.actor = {*MemberId::Parse("host"), host_.signer->Key(), Role::kAggregator};
    Say(host_, ConsortiumGenesis{log_key_.Vkey(), {}, host_.actor.key});
    for (size_t i = 0; i < kSites; ++i) {
      Pen& pen = pens_.emplace_back();
      pen.actor = {*MemberId::Parse("member-" + std::to_string(i)), pen.signer->Key(), Role::kSite};
      pen.site = *SiteId::Parse("site-" + std::to_string(i));
      Say(host_, MemberAdmitted{pen.actor.member, pen.site, Role::kSite, pen.actor.key});
    }
    Say(host_, RunProposed{run_, {}, {{"rounds", "many"}}});
  }
  ~Writer() { Drain(); }

  void Round(uint64_t number) {
    const RoundAttempt at{run_, {number}, 0};
    const Digest base = Sha256(AsBytes(std::to_string(number)));
    std::vector<SiteId> cohort;
    for (const Pen& pen : pens_) cohort.push_back(pen.site);
    // A head that everybody of the round had seen: one that is surely published by now.
    const uint64_t seen = size_ - std::min(size_, 2 * uint64_t{kQueued});
    anchor_ = {seen, tree_.RootAt(seen)};
    Say(host_, RoundOpened{at, base, cohort});
    std::vector<CountedSubmission> counted;
    std::vector<Digest> leaves;
    for (Pen& pen : pens_) {
      counted.push_back({size_, pen.site, 1000});
      leaves.push_back(
          Say(pen, ContributionSubmitted{at, pen.site, base, base, 1000, 500000, 64, 0, {}}));
    }
    for (size_t i = 0; i < kSites; ++i) {
      Say(host_, ContributionReceipted{at, counted[i].submission, leaves[i], true, ""});
    }
    Say(host_, RoundClosed{at, counted, {}, base, base, base, base});
  }
  uint64_t size() const { return size_; }
  // Waits until everything is durable.
  void Drain() {
    for (size_t left = waiting_; left > 0; left = waiting_) waiting_.wait(left);
  }
  const Verifier& verifier() const { return verifier_; }

 private:
  Digest Say(Pen& pen, Event event) {
    const Record record{log_key_.name,         pen.actor, pen.chain.next_seq,
                        pen.chain.prev_digest, anchor_,   "2026-11-24T00:00:00Z",
                        std::move(event)};
    const SealedEntry sealed = *SealRecord(record, *pen.signer);
    pen.chain = {pen.chain.next_seq + 1, sealed.payload_digest};
    for (size_t left = waiting_; left >= kQueued; left = waiting_) waiting_.wait(left);
    waiting_++;
    ledger_->AppendAsync(sealed.bytes, "", OnRepeat::kRefuse, [this](Result<Appended> appended) {
      DURE_CHECK(appended.has_value(), "an honest entry is taken");
      waiting_--;
      waiting_.notify_one();
    });
    size_++;
    const Digest leaf = LeafHash(sealed.bytes);
    tree_.Append(leaf);
    return leaf;
  }

  const std::unique_ptr<Ed25519Signer> log_signer_ = Ed25519Signer::Generate();
  const Ed25519Verifier verifier_;
  const NoteKey log_key_{"bench.dure/ledger", log_signer_->Key()};
  const RunId run_ = *RunId::Parse("run-1");
  Pen host_;
  std::vector<Pen> pens_;
  uint64_t size_ = 0;
  MerkleTree tree_;
  Anchor anchor_{0, EmptyRoot()};
  std::atomic<size_t> waiting_ = 0;
  std::unique_ptr<Ledger> ledger_;
};

// What an Ed25519 check takes, and nothing else of the entry.
struct Signed {
  PublicKey key{};
  Bytes message;
  Bytes signature;
};

std::vector<Signed> SignaturesOf(const LogReader& log) {
  std::vector<Signed> all;
  const uint64_t size = log.Head().head.size;
  while (all.size() < size) {
    const auto page = log.Read(all.size(), size, 1024 * 1024);
    DURE_CHECK(page && !page->empty(), "the log reads back");
    for (const Bytes& entry : *page) {
      const Envelope envelope = *ParseEnvelope(entry);
      all.push_back({ParseEntry(entry)->record.actor.key,
                     PreAuthenticationEncoding(envelope.payload_type, envelope.payload),
                     envelope.signatures[0].signature});
    }
  }
  return all;
}

double CheckSignatures(const std::vector<Signed>& all, const Verifier& verifier, unsigned threads) {
  const auto start = SteadyClock::now();
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
  return Seconds(SteadyClock::now() - start).count();
}

double Audit(const std::string& dir, const Verifier& verifier, unsigned threads, uint64_t size) {
  const auto start = SteadyClock::now();
  const auto report = VerifyFolder(dir, std::nullopt, verifier, threads);
  DURE_CHECK(report && report->head.size == size, "the whole log verifies");
  return Seconds(SteadyClock::now() - start).count();
}

int Run(uint64_t entries, const std::string& folder) {
  std::string dir = folder + "/dure-bench-audit-XXXXXX";
  DURE_CHECK(mkdtemp(dir.data()) != nullptr, "the folder can be written");
  uint64_t size = 0;
  {
    Writer writer(dir);
    for (uint64_t round = 0; writer.size() < entries; ++round) writer.Round(round);
    writer.Drain();
    size = writer.size();
  }
  const Ed25519Verifier verifier;
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  std::vector<Signed> signatures;
  {
    const auto copy = OpenLogCopy(dir, verifier);
    DURE_CHECK(copy.has_value(), "the copy opens");
    signatures = SignaturesOf(**copy);
  }
  // Twice each, in turn; the better of the two, so that a disturbance hits neither side alone.
  double alone = 1e9;
  double whole = 1e9;
  for (int i = 0; i < 2; ++i) {
    alone = std::min(alone, CheckSignatures(signatures, verifier, cores));
    whole = std::min(whole, Audit(dir, verifier, cores, size));
  }
  std::printf(
      "{\"bench\":\"audit\",\"entries\":%llu,\"bytes\":%llu,\"cores\":%u,\"verify_full_s\":%.2f,"
      "\"signature_checks_alone_s\":%.2f,\"ratio\":%.3f,\"target_ratio\":1.3,"
      "\"entries_per_second\":%.0f}\n",
      static_cast<unsigned long long>(size),
      static_cast<unsigned long long>(fs::file_size(dir + "/ledger.db")), cores, whole, alone,
      whole / alone, static_cast<double>(size) / whole);
  fs::remove_all(dir);
  return 0;
}

}  // namespace
}  // namespace dure::ledger

// bench_audit [ENTRIES [FOLDER]]
int main(int argc, char** argv) {
  CLI::App app("a record of N entries verified whole, beside its signature checks alone");
  uint64_t entries = 100000;
  std::string folder = std::filesystem::temp_directory_path().string();
  app.add_option("--entries", entries, "entries of the record")->check(CLI::Range(1, 10'000'000));
  app.add_option("--dir", folder, "where it is written");
  app.add_flag("--json")->description("it prints nothing else");
  CLI11_PARSE(app, argc, argv);
  return dure::ledger::Run(entries, folder);
}
