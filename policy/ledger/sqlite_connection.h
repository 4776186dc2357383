// `ledger.db` as SQLite sees it: one connection, its statements, and the tables. Inside this room
// only; a connection is for one thread at a time.
#pragma once

#include <sqlite3.h>

#include <string>
#include <string_view>
#include <vector>

#include "federation/bytes.h"

namespace dure::ledger {

extern const char* const kLedgerSchema;  // makes what is missing; changes nothing that is there

// An idempotency key is in no signed byte, so its row carries a sum of its own.
inline constexpr size_t kNameSumBytes = 8;
Bytes NameSum(std::string_view key, uint64_t index);

// Statements are prepared once and reset after each use.
class Connection {
 public:
  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();
  Status Open(const std::string& path, int flags);
  Status Execute(const char* sql, std::string_view doing);
  // Lives as long as the connection.
  Result<sqlite3_stmt*> Prepare(const char* sql);
  // Of the last call on this connection.
  tl::unexpected<Error> Failure(std::string_view doing) const;
  void RollBack();
  int changes() const { return sqlite3_changes(db_); }

 private:
  sqlite3* db_ = nullptr;
  std::vector<sqlite3_stmt*> statements_;
};

// One use of a prepared statement. What is bound outlives it.
class Query {
 public:
  explicit Query(sqlite3_stmt* statement) : statement_(statement) {}
  ~Query() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  Query& Count(uint64_t v) {
    sqlite3_bind_int64(statement_, ++bound_, static_cast<sqlite3_int64>(v));
    return *this;
  }
  Query& Blob(ByteView v) {
    sqlite3_bind_blob64(statement_, ++bound_, v.data(), v.size(), SQLITE_STATIC);
    return *this;
  }
  Query& Text(std::string_view v) {
    sqlite3_bind_text64(statement_, ++bound_, v.data(), v.size(), SQLITE_STATIC, SQLITE_UTF8);
    return *this;
  }
  int Step() { return sqlite3_step(statement_); }
  uint64_t CountAt(int column) const {
    return static_cast<uint64_t>(sqlite3_column_int64(statement_, column));
  }
  int TypeAt(int column) const { return sqlite3_column_type(statement_, column); }
  ByteView BytesAt(int column) const {
    const auto* data = static_cast<const uint8_t*>(sqlite3_column_blob(statement_, column));
    return {data, static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
  }
  std::string TextAt(int column) const { return std::string(AsText(BytesAt(column))); }

 private:
  sqlite3_stmt* statement_;
  int bound_ = 0;
};

// The tables' definitions as SQLite keeps them; those of a file made anew, to compare with.
Result<std::string> SchemaOf(Connection& connection);
Result<std::string> FreshSchema();

}  // namespace dure::ledger
