// `ledger.db` as SQLite sees it: one connection, its statements, and the tables. Inside this room
// only; a connection is for one thread at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "federation/bytes.h"

struct sqlite3;
struct sqlite3_stmt;

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
  // A file that is not there is made only when asked.
  Status Open(const std::string& path, bool may_make);
  Status Execute(const char* sql, std::string_view doing);
  // Lives as long as the connection.
  Result<sqlite3_stmt*> Prepare(const char* sql);
  // Of the last call on this connection.
  tl::unexpected<Error> Failure(std::string_view doing) const;
  void RollBack();
  int changes() const;

 private:
  sqlite3* db_ = nullptr;
  std::vector<sqlite3_stmt*> statements_;
};

// One use of a prepared statement. What is bound outlives it.
class Query {
 public:
  // What Step answers, and what a value may be: SQLite's own numbers.
  static constexpr int kRow = 100;
  static constexpr int kDone = 101;
  static constexpr int kInteger = 1;
  static constexpr int kText = 3;
  static constexpr int kBlob = 4;

  explicit Query(sqlite3_stmt* statement) : statement_(statement) {}
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  Query& Count(uint64_t v);
  Query& Blob(ByteView v);
  Query& Text(std::string_view v);
  int Step();
  uint64_t CountAt(int column) const;
  int TypeAt(int column) const;
  ByteView BytesAt(int column) const;  // until the next Step
  std::string TextAt(int column) const { return std::string(AsText(BytesAt(column))); }

 private:
  sqlite3_stmt* statement_;
  int bound_ = 0;
};

// The tables' definitions as SQLite keeps them; those of a file made anew, to compare with.
Result<std::string> SchemaOf(Connection& connection);
Result<std::string> FreshSchema();

}  // namespace dure::ledger
