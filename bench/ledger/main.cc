// Measures durable appends: many clients each hand a signed entry to the ledger and wait for its
// receipt, on a real file. Beside it, in the same run on the same disk: SQLite's own rate of one
// fsync'd row a commit and of rows in groups, and the rate of signature checks, which the clients'
// threads do before they queue. Prints one JSON object.
#include <sqlite3.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "federation/check.h"
#include "policy/ledger/audit.h"
#include "policy/ledger/sqlite_ledger.h"

namespace dure::ledger {
namespace {

namespace fs = std::filesystem;
using Seconds = std::chrono::duration<double>;
using SteadyClock = std::chrono::steady_clock;

struct Options {
  size_t clients = 64;
  size_t appends_per_client = 300;
  std::string folder = fs::temp_directory_path();
};

struct Client {
  std::unique_ptr<Ed25519Signer> signer = Ed25519Signer::Generate();
  Actor actor;
  std::vector<Bytes> entries;
  std::vector<double> latency_ms;
};

class Federation {
 public:
  explicit Federation(std::string dir) {
    SqliteLedgerOptions options;
    options.dir = std::move(dir);
    options.log_key = log_key;
    options.log_signer = log_signer.get();
    options.verifier = &verifier;
    auto opened = OpenSqliteLedger(options);
    DURE_CHECK(opened.has_value(), "the ledger opens in a fresh folder");
    ledger = std::move(*opened);
    aggregator = {*MemberId::Parse("host"), aggregator_signer->Key(), Role::kAggregator};
    Add(ConsortiumGenesis{log_key.Vkey(), {}, aggregator.key});
  }
  void Add(Event event) {
    const auto sealed =
        SealNext(*ledger, aggregator, *aggregator_signer, WallTime(), std::move(event));
    DURE_CHECK(sealed && ledger->Append(sealed->bytes, ""), "the aggregator's entries are taken");
  }
  // Clients sign ahead: their machines are not the aggregator's.
  void Prepare(Client& client, size_t number, size_t count) {
    client.actor = {*MemberId::Parse("member-" + std::to_string(number)), client.signer->Key(),
                    Role::kSite};
    const SiteId site = *SiteId::Parse("site-" + std::to_string(number));
    Add(MemberAdmitted{client.actor.member, site, Role::kSite, client.actor.key});
    const SignedHead head = ledger->Head();
    Record record{log_key.name,
                  client.actor,
                  0,
                  {},
                  {head.head.size, head.head.root},
                  "2026-11-24T00:00:00Z",
                  {}};
    for (size_t i = 0; i < count; ++i) {
      record.event = EvaluationReported{head.head.root, site, 12345.5, 100000, 25000};
      const SealedEntry sealed = *SealRecord(record, *client.signer);
      client.entries.push_back(sealed.bytes);
      record.actor_seq++;
      record.prev_actor_digest = sealed.payload_digest;
    }
  }

  std::unique_ptr<Ed25519Signer> log_signer = Ed25519Signer::Generate();
  std::unique_ptr<Ed25519Signer> aggregator_signer = Ed25519Signer::Generate();
  Ed25519Verifier verifier;
  NoteKey log_key{"bench.dure/ledger", log_signer->Key()};
  Actor aggregator;
  std::unique_ptr<Ledger> ledger;
};

double AppendAll(Federation& federation, std::vector<Client>& clients) {
  const auto start = SteadyClock::now();
  std::vector<std::jthread> threads;
  for (Client& client : clients) {
    threads.emplace_back([&federation, &client] {
      for (size_t i = 0; i < client.entries.size(); ++i) {
        const auto begin = SteadyClock::now();
        const auto appended = federation.ledger->Append(client.entries[i], "");
        DURE_CHECK(appended.has_value(), "an honest entry is taken");
        client.latency_ms.push_back(Seconds(SteadyClock::now() - begin).count() * 1000);
      }
    });
  }
  threads.clear();
  return Seconds(SteadyClock::now() - start).count();
}

// Rows of a client's entry size into a plain table, `per_commit` a transaction, with the ledger's
// own durability.
double RawRowsPerSecond(const std::string& path, size_t row_bytes, size_t per_commit) {
  sqlite3* db = nullptr;
  DURE_CHECK(sqlite3_open(path.c_str(), &db) == SQLITE_OK, "a scratch database opens");
  const auto run = [db](const char* sql) {
    DURE_CHECK(sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK,
               "a plain statement runs");
  };
  run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE row(id INTEGER PRIMARY KEY, "
      "bytes BLOB)");
  sqlite3_stmt* insert = nullptr;
  sqlite3_prepare_v2(db, "INSERT INTO row(bytes) VALUES(?1)", -1, &insert, nullptr);
  const Bytes row(row_bytes, 0x5a);
  size_t rows = 0;
  const auto start = SteadyClock::now();
  double seconds = 0;
  while (seconds < 1.0) {
    run("BEGIN IMMEDIATE");
    for (size_t i = 0; i < per_commit; ++i, ++rows) {
      sqlite3_bind_blob64(insert, 1, row.data(), row.size(), SQLITE_STATIC);
      sqlite3_step(insert);
      sqlite3_reset(insert);
    }
    run("COMMIT");
    seconds = Seconds(SteadyClock::now() - start).count();
  }
  sqlite3_finalize(insert);
  sqlite3_close(db);
  return static_cast<double>(rows) / seconds;
}

double ChecksPerSecond(const Verifier& verifier, const std::vector<Client>& clients) {
  size_t checks = 0;
  const auto start = SteadyClock::now();
  for (const Bytes& entry : clients[0].entries)
    checks += OpenEntry(entry, verifier).has_value() ? 1 : 0;
  return static_cast<double>(checks) / Seconds(SteadyClock::now() - start).count();
}

double Percentile(const std::vector<double>& sorted, double share) {
  return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1))];
}

int Run(const Options& options) {
  std::string dir = options.folder + "/dure-bench-ledger-XXXXXX";
  DURE_CHECK(mkdtemp(dir.data()) != nullptr, "the folder can be written");
  Federation federation(dir);
  std::vector<Client> clients(options.clients);
  for (size_t i = 0; i < clients.size(); ++i)
    federation.Prepare(clients[i], i, options.appends_per_client);
  const size_t entry_bytes = clients[0].entries[0].size();

  const double single = RawRowsPerSecond(dir + "/single.db", entry_bytes, 1);
  const double grouped = RawRowsPerSecond(dir + "/grouped.db", entry_bytes, options.clients);
  const double checks = ChecksPerSecond(federation.verifier, clients);
  const double seconds = AppendAll(federation, clients);

  std::vector<double> latency_ms;
  for (const Client& client : clients) {
    latency_ms.insert(latency_ms.end(), client.latency_ms.begin(), client.latency_ms.end());
  }
  std::sort(latency_ms.begin(), latency_ms.end());
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  const auto audit_start = SteadyClock::now();
  const auto report = VerifyAll(*federation.ledger, federation.log_key, federation.verifier, cores);
  DURE_CHECK(report.has_value(), "the log that was written verifies");
  const double audit_seconds = Seconds(SteadyClock::now() - audit_start).count();
  std::printf(
      "{\"bench\":\"ledger\",\"clients\":%zu,\"appends\":%zu,\"entry_bytes\":%zu,\"cores\":%u,"
      "\"appends_per_second\":%.0f,\"p50_ms\":%.2f,\"p99_ms\":%.2f,"
      "\"signatures_checked_by\":\"the clients' threads, before the queue\","
      "\"limit\":{\"raw_single_row_commits_per_second\":%.0f,\"raw_grouped_rows_per_second\":%.0f,"
      "\"entry_checks_per_second_per_core\":%.0f},\"audit_entries_per_second\":%.0f,\"target_per_"
      "second\":2000}\n",
      options.clients, latency_ms.size(), entry_bytes, cores,
      static_cast<double>(latency_ms.size()) / seconds, Percentile(latency_ms, 0.5),
      Percentile(latency_ms, 0.99), single, grouped, checks,
      static_cast<double>(report->head.size) / audit_seconds);
  federation.ledger.reset();
  fs::remove_all(dir);
  return 0;
}

}  // namespace
}  // namespace dure::ledger

int main(int argc, char** argv) {
  CLI::App app("durable appends from many clients, beside what the disk takes");
  dure::ledger::Options options;
  app.add_option("--clients", options.clients, "clients at once")->check(CLI::Range(1, 10'000'000));
  app.add_option("--appends", options.appends_per_client, "of each")
      ->check(CLI::Range(1, 10'000'000));
  app.add_option("--dir", options.folder, "where the log is");
  app.add_flag("--json")->description("it prints nothing else");
  CLI11_PARSE(app, argc, argv);
  return dure::ledger::Run(options);
}
