#include "policy/ledger/sqlite_ledger.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "federation/check.h"
#include "policy/ledger/group_writer.h"

namespace dure::ledger {
namespace {

class SqliteLedger final : public StoredReader<Ledger> {
 public:
  SqliteLedger(std::unique_ptr<StoredLog> stored, SqliteLedgerOptions options)
      : StoredReader(std::move(stored)),
        options_(std::move(options)),
        writer_(log(), *options_.log_signer) {}

  ~SqliteLedger() override {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    work_.notify_all();
    if (thread_.joinable()) thread_.join();
    for (PendingAppend& waiting : queue_) {
      waiting.done(Fail(ErrorCode::kCancelled, "the ledger is closing"));
    }
  }

  Status Start(bool has_head) {
    if (!has_head) DURE_TRY(writer_.StartEmpty());
    thread_ = std::thread([this] { WriteGroups(); });
    return {};
  }

  std::optional<uint64_t> Find(std::string_view key) const override { return log().FindEntry(key); }
  Status AddCosignature(uint64_t size, std::string_view line) override {
    return log().AddCosignature(size, line, *options_.verifier);
  }
  const Verifier& verifier() const override { return *options_.verifier; }

 private:
  void Submit(OpenedEntry entry, std::string key, OnRepeat on_repeat, AppendCallback done,
              std::optional<uint64_t> only_at) override {
    if (options_.may_append) {
      if (Status may = options_.may_append(); !may) return done(Fail(std::move(may.error())));
    }
    {
      const std::lock_guard lock(mutex_);
      if (queue_.size() < options_.queue_entries_max && !closing_) {
        // Behind others' entries it would never be the next one.
        queue_.insert(only_at ? queue_.begin() : queue_.end(),
                      {std::move(entry), std::move(key), on_repeat, std::move(done), only_at});
        done = nullptr;
      }
    }
    if (done == nullptr) {
      work_.notify_one();
    } else {
      done(Fail(ErrorCode::kExhausted, "too many appends are waiting for the ledger's disk"));
    }
  }

  // While one group is being made durable the next one gathers, so groups grow exactly as fast as
  // the disk is slow.
  void WriteGroups() {
    while (true) {
      std::vector<PendingAppend> group;
      {
        std::unique_lock lock(mutex_);
        work_.wait(lock, [this] { return closing_ || !queue_.empty(); });
        if (closing_) return;
        while (!queue_.empty() && group.size() < options_.group_entries_max) {
          group.push_back(std::move(queue_.front()));
          queue_.pop_front();
        }
      }
      writer_.Write(std::move(group));
    }
  }

  const SqliteLedgerOptions options_;
  GroupWriter writer_;  // the thread's, once it runs
  std::mutex mutex_;    // guards queue_ and closing_
  std::condition_variable work_;
  std::deque<PendingAppend> queue_;
  bool closing_ = false;
  std::thread thread_;
};

// A read-only copy has no more than the common reading side.
class LogCopy final : public StoredReader<LogReader> {
 public:
  using StoredReader::StoredReader;
};

Result<NoteKey> LogKeyOfGenesis(const EntryStore& store) {
  DURE_ASSIGN(const std::vector<Bytes> first, store.Read(0, 1, 1));
  if (first.empty()) return Fail(ErrorCode::kNotFound, "the ledger is empty");
  DURE_ASSIGN(const OpenedEntry entry, ParseEntry(first[0]));
  const auto* genesis = std::get_if<ConsortiumGenesis>(&entry.record.event);
  if (genesis == nullptr)
    return Fail(ErrorCode::kCorrupt, "the ledger does not start with a genesis");
  return NoteKey::Parse(genesis->log_vkey);
}

}  // namespace

Result<std::unique_ptr<Ledger>> OpenSqliteLedger(SqliteLedgerOptions options) {
  DURE_CHECK(options.log_signer != nullptr && options.log_signer->Key() == options.log_key.key,
             "the log's signer holds the log's key");
  DURE_CHECK(options.verifier != nullptr && options.group_entries_max > 0, "the options are whole");
  DURE_ASSIGN(auto store, OpenSqliteStore({options.dir, false, options.file_bytes_max}));
  auto stored = std::make_unique<StoredLog>(options.log_key, std::move(store));
  DURE_ASSIGN(const bool has_head, stored->Load(*options.verifier, Beside::kNobody));
  auto ledger = std::make_unique<SqliteLedger>(std::move(stored), std::move(options));
  DURE_TRY(ledger->Start(has_head));
  return ledger;
}

Result<std::unique_ptr<LogReader>> OpenLogCopy(const std::string& dir, const Verifier& verifier) {
  DURE_ASSIGN(auto store, OpenSqliteStore({dir, true, 0}));
  DURE_ASSIGN(NoteKey log_key, LogKeyOfGenesis(*store));
  auto stored = std::make_unique<StoredLog>(std::move(log_key), std::move(store));
  DURE_TRY(stored->Load(verifier, Beside::kAWriter).map([](bool) {}));
  return std::make_unique<LogCopy>(std::move(stored));
}

Result<AuditReport> VerifyFolder(const std::string& dir, const std::optional<NoteKey>& log_key,
                                 const Verifier& verifier, unsigned threads,
                                 const EntryVisitor& visit) {
  DURE_ASSIGN(const auto store, OpenSqliteStore({dir, true, 0}));
  NoteKey key;
  if (log_key) {
    key = *log_key;
  } else {
    DURE_ASSIGN(key, LogKeyOfGenesis(*store));
  }
  DURE_ASSIGN(const std::optional<StoredHead> head, store->LastHead());
  if (!head) return Fail(ErrorCode::kNotFound, "the copy has not taken any tree head yet");
  const auto read = [&store](uint64_t begin, uint64_t end, size_t bytes_max) {
    return store->Read(begin, end, bytes_max);
  };
  return VerifyPages(head->note, read, key, verifier, threads, visit);
}

}  // namespace dure::ledger
