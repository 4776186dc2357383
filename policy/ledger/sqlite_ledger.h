// The Ledger on disk: `ledger.db` in a given folder (SQLite, WAL, synchronous FULL).
//
// One writer thread gathers concurrent appends into one transaction: insert, read back and re-hash,
// compare and swap the tree, sign and store the head, COMMIT, and only then answer. Opening
// re-hashes every stored entry and compares with the stored signed head; so a changed or lost entry
// is found at start. It owns its thread and file; a second opener of the folder is refused. Memory:
// 64 bytes an entry for the tree.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "policy/ledger/audit.h"

namespace dure::ledger {

struct SqliteLedgerOptions {
  std::string dir;                     // exists; the file is <dir>/ledger.db
  NoteKey log_key;                     // its name is the log's origin
  const Signer* log_signer = nullptr;  // holds log_key; outlives the ledger
  const Verifier* verifier = nullptr;  // outlives the ledger
  size_t group_entries_max = 256;      // entries a commit
  uint64_t file_bytes_max = 0;         // ledger.db never grows beyond; 0: as the disk allows
  size_t queue_entries_max = 16384;    // waiting appends beyond which kExhausted answers at once
  std::function<Status()> may_append =
      {};  // asked before each, on its thread; its error is the answer
};

// kFailedPrecondition: another process holds the folder, or the log is another's (vkey differs).
// kCorrupt: stored entries and head disagree. kUnavailable: the folder cannot be written.
// Destroying the ledger finishes the group under way and cancels what still waits (kCancelled).
Result<std::unique_ptr<Ledger>> OpenSqliteLedger(SqliteLedgerOptions options);

// A log's or mirror's folder, read-only, beside a running daemon or without one: for the CLI. The
// log's key comes from the store's own genesis unless given; Head() is what was stored when it was
// opened. kNotFound: no ledger there. kCorrupt: as above.
Result<std::unique_ptr<LogReader>> OpenLogCopy(const std::string& dir, const Verifier& verifier);

// VerifyAll of what such a folder stores, without loading it first. The log's key comes from the
// store's own genesis unless given. kNotFound: no ledger there.
Result<AuditReport> VerifyFolder(const std::string& dir, const std::optional<NoteKey>& log_key,
                                 const Verifier& verifier, unsigned threads,
                                 const EntryVisitor& visit = {});

}  // namespace dure::ledger
