#include "policy/ledger/sqlite_connection.h"

#include <sqlite3.h>

#include <cerrno>

#include "federation/digest.h"

namespace dure::ledger {
namespace {

ErrorCode CodeOf(int sqlite) {
  switch (sqlite & 0xff) {
    case SQLITE_FULL:
      return ErrorCode::kExhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR:  // of statements that are always the same: the tables are not ours any more
      return ErrorCode::kCorrupt;
    default:
      return ErrorCode::kUnavailable;
  }
}

// Of everything SQLite made for the schema, in one text.
constexpr char kMaster[] =
    "SELECT coalesce(group_concat(sql, ';'), '') FROM"
    " (SELECT sql FROM sqlite_master WHERE sql NOT NULL ORDER BY type,name)";

}  // namespace

const char* const kLedgerSchema =
    "CREATE TABLE IF NOT EXISTS entry("
    "  idx INTEGER PRIMARY KEY, type TEXT NOT NULL, actor BLOB NOT NULL, actor_seq INT NOT NULL,"
    "  leaf_hash BLOB NOT NULL CHECK(length(leaf_hash)=32),"
    "  bytes BLOB NOT NULL CHECK(length(bytes)<65536),"
    "  UNIQUE(actor,actor_seq), UNIQUE(leaf_hash)) STRICT;"
    "CREATE TABLE IF NOT EXISTS entry_name("
    "  key TEXT PRIMARY KEY, idx INT NOT NULL REFERENCES entry(idx), sum BLOB NOT NULL)"
    "  STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS tree(id INTEGER PRIMARY KEY CHECK(id=0), size INT NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS tree_head(size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS cosignature("
    "  size INT NOT NULL REFERENCES tree_head(size), cosigner TEXT NOT NULL, line TEXT NOT NULL,"
    "  PRIMARY KEY(size,cosigner)) STRICT, WITHOUT ROWID;"
    "INSERT OR IGNORE INTO tree VALUES(0,0);"
    // The record is append-only for this program's own mistakes too.
    "CREATE TRIGGER IF NOT EXISTS entry_stays BEFORE DELETE ON entry"
    "  BEGIN SELECT RAISE(ABORT,'an entry is never deleted'); END;"
    "CREATE TRIGGER IF NOT EXISTS entry_keeps BEFORE UPDATE ON entry"
    "  BEGIN SELECT RAISE(ABORT,'an entry is never changed'); END;"
    "CREATE TRIGGER IF NOT EXISTS head_stays BEFORE DELETE ON tree_head"
    "  BEGIN SELECT RAISE(ABORT,'a tree head is never deleted'); END;"
    "CREATE TRIGGER IF NOT EXISTS head_keeps BEFORE UPDATE ON tree_head"
    "  BEGIN SELECT RAISE(ABORT,'a tree head is never changed'); END;";

Result<std::string> SchemaOf(Connection& connection) {
  DURE_ASSIGN(sqlite3_stmt* const statement, connection.Prepare(kMaster));
  Query query(statement);
  if (query.Step() != SQLITE_ROW) return connection.Failure("reading the tables' definitions");
  return query.TextAt(0);
}

Result<std::string> FreshSchema() {
  Connection fresh;
  DURE_TRY(fresh.Open(":memory:", true));
  DURE_TRY(fresh.Execute(kLedgerSchema, "making a fresh ledger"));
  return SchemaOf(fresh);
}

Bytes NameSum(std::string_view key, uint64_t index) {
  Sha256Hasher hasher;
  const Digest whole = hasher.Update(std::to_string(index)).Update(" ").Update(key).Finish();
  return {whole.bytes.begin(), whole.bytes.begin() + kNameSumBytes};
}

Connection::~Connection() {
  for (sqlite3_stmt* statement : statements_) sqlite3_finalize(statement);
  sqlite3_close(db_);
}

Status Connection::Open(const std::string& path, bool may_make) {
  const int flags = SQLITE_OPEN_READWRITE | (may_make ? SQLITE_OPEN_CREATE : 0);
  if (sqlite3_open_v2(path.c_str(), &db_, flags | SQLITE_OPEN_NOMUTEX, nullptr) != SQLITE_OK) {
    return Failure("opening " + path);
  }
  sqlite3_busy_timeout(db_, 5000);  // a reader in another process may hold the lock for a moment
  return {};
}

Status Connection::Execute(const char* sql, std::string_view doing) {
  if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return Failure(doing);
  return {};
}

Result<sqlite3_stmt*> Connection::Prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  const int rc = sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (rc != SQLITE_OK) return Failure("preparing a statement of the ledger");
  statements_.push_back(statement);
  return statement;
}

tl::unexpected<Error> Connection::Failure(std::string_view doing) const {
  const int code = sqlite3_extended_errcode(db_);
  const bool full = (code & 0xff) == SQLITE_IOERR && sqlite3_system_errno(db_) == ENOSPC;
  return Fail(CodeOf(code), std::string(doing) + ": " + sqlite3_errmsg(db_) +
                                (full ? " (no space is left on the disk)" : ""));
}

void Connection::RollBack() {
  // Some I/O errors make SQLite roll back by itself.
  if (sqlite3_get_autocommit(db_) == 0) sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
}

int Connection::changes() const { return sqlite3_changes(db_); }

static_assert(Query::kRow == SQLITE_ROW && Query::kDone == SQLITE_DONE);
static_assert(Query::kInteger == SQLITE_INTEGER && Query::kText == SQLITE_TEXT &&
              Query::kBlob == SQLITE_BLOB);

Query::~Query() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Query& Query::Count(uint64_t v) {
  sqlite3_bind_int64(statement_, ++bound_, static_cast<sqlite3_int64>(v));
  return *this;
}

Query& Query::Blob(ByteView v) {
  sqlite3_bind_blob64(statement_, ++bound_, v.data(), v.size(), SQLITE_STATIC);
  return *this;
}

Query& Query::Text(std::string_view v) {
  sqlite3_bind_text64(statement_, ++bound_, v.data(), v.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

int Query::Step() { return sqlite3_step(statement_); }

uint64_t Query::CountAt(int column) const {
  return static_cast<uint64_t>(sqlite3_column_int64(statement_, column));
}

int Query::TypeAt(int column) const { return sqlite3_column_type(statement_, column); }

ByteView Query::BytesAt(int column) const {
  const auto* data = static_cast<const uint8_t*>(sqlite3_column_blob(statement_, column));
  return {data, static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

}  // namespace dure::ledger
