#include "federation/journal/journal.h"

#include <sqlite3.h>

#include "federation/check.h"
#include "federation/write_ahead.h"

namespace dure::journal {
namespace {

constexpr char kSchema[] =
    "PRAGMA locking_mode=EXCLUSIVE;"
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=FULL;"
    "PRAGMA trusted_schema=OFF;"
    "PRAGMA secure_delete=ON;"  // what is erased is written over; not every build does so unasked
    "CREATE TABLE IF NOT EXISTS entry("
    "  name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    // Taking the write lock now shows at start, not at the first write, that another process is
    // here. What comes next needs it.
    "BEGIN IMMEDIATE;";

ErrorCode CodeOf(int sqlite) {
  switch (sqlite & 0xff) {
    case SQLITE_FULL:
      return ErrorCode::kExhausted;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorCode::kFailedPrecondition;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::kCorrupt;
    default:
      return ErrorCode::kUnavailable;
  }
}

class Statement {
 public:
  Statement(sqlite3* db, const char* sql) {
    const int rc = sqlite3_prepare_v2(db, sql, -1, &handle_, nullptr);
    DURE_CHECK(rc == SQLITE_OK || handle_ == nullptr, "a prepared statement is whole or absent");
  }
  ~Statement() { sqlite3_finalize(handle_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  void Text(int index, std::string_view text) {
    sqlite3_bind_text64(handle_, index, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
  }
  void Blob(int index, ByteView bytes) {
    // A null pointer would bind NULL; an empty value is still a value.
    if (bytes.empty()) {
      sqlite3_bind_zeroblob(handle_, index, 0);
    } else {
      sqlite3_bind_blob64(handle_, index, bytes.data(), bytes.size(), SQLITE_STATIC);
    }
  }
  int Step() { return handle_ == nullptr ? SQLITE_ERROR : sqlite3_step(handle_); }
  Bytes ColumnBlob(int column) const {
    const auto* data = static_cast<const uint8_t*>(sqlite3_column_blob(handle_, column));
    const auto n = static_cast<size_t>(sqlite3_column_bytes(handle_, column));
    return data == nullptr ? Bytes{} : Bytes(data, data + n);
  }
  std::string ColumnText(int column) const { return std::string(AsText(ColumnBlob(column))); }

 private:
  sqlite3_stmt* handle_ = nullptr;
};

}  // namespace

struct Journal::State {
  std::string path;
  sqlite3* db = nullptr;
  bool is_ours = false;  // this process holds the database, and no other
  // Closing removes the log, and leaves what it held on the disk.
  ~State() {
    if (is_ours) (void)Forget();
    sqlite3_close(db);
  }

  tl::unexpected<Error> Failure(std::string_view doing) const {
    const int code = sqlite3_extended_errcode(db);
    const bool full = (code & 0xff) == SQLITE_IOERR && sqlite3_system_errno(db) == ENOSPC;
    return Fail(CodeOf(code), std::string(doing) + " " + path + ": " + sqlite3_errmsg(db) +
                                  (full ? " (no space is left on the disk)" : ""));
  }
  Status Execute(const char* sql, std::string_view doing) const {
    if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return Failure(doing);
    return {};
  }
  // REQUIRES: is_ours. What is erased otherwise is the log of the daemon that holds the database.
  Status Forget() const {
    DURE_CHECK(is_ours, "a log that another process writes is not ours to erase");
    // RESTART: all of the log is in the database, durably, and the next commit begins it anew.
    const int folded =
        sqlite3_wal_checkpoint_v2(db, nullptr, SQLITE_CHECKPOINT_RESTART, nullptr, nullptr);
    if (folded != SQLITE_OK) return Failure("folding the log of");
    if (EraseWriteAhead(path)) return {};
    return Fail(ErrorCode::kUnavailable, "writing over the log of " + path + " failed");
  }
};

Change& Change::Put(std::string key, Bytes value) {
  DURE_CHECK(value.size() <= kValueBytesMax, "large things live in blobs, not in the journal");
  edits_.emplace_back(std::move(key), std::move(value));
  return *this;
}

Change& Change::Erase(std::string key) {
  edits_.emplace_back(std::move(key), std::nullopt);
  return *this;
}

Journal::Journal(std::unique_ptr<State> state) : state_(std::move(state)) {}
Journal::~Journal() = default;

Result<std::unique_ptr<Journal>> Journal::Open(const std::string& path) {
  auto state = std::make_unique<State>();
  state->path = path;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(path.c_str(), &state->db, flags, nullptr) != SQLITE_OK) {
    return Fail(ErrorCode::kFailedPrecondition,
                "opening " + path + ": " + sqlite3_errmsg(state->db));
  }
  if (Status opened = state->Execute(kSchema, "opening"); !opened) {
    if (opened.error().code == ErrorCode::kFailedPrecondition) {
      opened.error().message += " (is another daemon running in this folder?)";
    }
    return Fail(std::move(opened.error()));
  }
  state->is_ours = true;
  GiveWriteAheadRoom(path);
  DURE_TRY(state->Execute("COMMIT", "opening"));
  (void)state->Forget();  // of before a kill; what fails here fails again, and is said, in Forget
  return std::unique_ptr<Journal>(new Journal(std::move(state)));
}

Status Journal::Apply(const Change& change) {
  if (change.empty()) return {};
  DURE_TRY(state_->Execute("BEGIN IMMEDIATE", "writing"));
  for (const auto& [key, value] : change.edits_) {
    const char* sql = value ? "INSERT INTO entry(name,value) VALUES(?1,?2) "
                              "ON CONFLICT(name) DO UPDATE SET value=excluded.value"
                            : "DELETE FROM entry WHERE name=?1";
    Statement statement(state_->db, sql);
    statement.Text(1, key);
    if (value) statement.Blob(2, *value);
    if (statement.Step() != SQLITE_DONE) {
      auto failure = state_->Failure("writing");
      sqlite3_exec(state_->db, "ROLLBACK", nullptr, nullptr, nullptr);
      return failure;
    }
  }
  if (Status committed = state_->Execute("COMMIT", "writing"); !committed) {
    sqlite3_exec(state_->db, "ROLLBACK", nullptr, nullptr, nullptr);
    return committed;
  }
  return {};
}

Status Journal::Forget() { return state_->Forget(); }

Result<std::optional<Bytes>> Journal::Get(std::string_view key) const {
  Statement statement(state_->db, "SELECT value FROM entry WHERE name=?1");
  statement.Text(1, key);
  const int rc = statement.Step();
  if (rc == SQLITE_DONE) return std::optional<Bytes>{};
  if (rc != SQLITE_ROW) return state_->Failure("reading");
  return std::optional<Bytes>(statement.ColumnBlob(0));
}

Result<std::map<std::string, Bytes>> Journal::Scan(std::string_view prefix) const {
  Statement statement(
      state_->db, "SELECT name,value FROM entry WHERE substr(name,1,length(?1))=?1 ORDER BY name");
  statement.Text(1, prefix);
  std::map<std::string, Bytes> found;
  int rc;
  while ((rc = statement.Step()) == SQLITE_ROW) {
    found.emplace(statement.ColumnText(0), statement.ColumnBlob(1));
  }
  if (rc != SQLITE_DONE) return state_->Failure("reading");
  return found;
}

}  // namespace dure::journal
