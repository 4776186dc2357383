// Static export: the log as plain files (tiles.h) that any web server or memory stick can carry,
// and their check.
#pragma once

#include <string>

#include "policy/ledger/audit.h"

namespace dure::ledger {

// Writes what `dir` lacks for the log's current head; `checkpoint` last, every file through a
// temporary name, fsync and rename, so a reader of the folder never sees a head whose tiles are
// missing. Repeating it continues. kUnavailable, kExhausted: the disk; the folder then still serves
// its previous head.
Result<TreeHead> ExportTiles(const LogReader& log, const std::string& dir);

// Reads a folder of tiles as a log, without any database. kNotFound: no checkpoint there.
// kUnauthenticated: its checkpoint is not signed by log_key. kCorrupt: a tile or bundle is missing,
// cut short or contradicts another.
Result<std::unique_ptr<LogReader>> OpenTiles(const std::string& dir, const NoteKey& log_key,
                                             const Verifier& verifier);
// OpenTiles and VerifyAll.
Result<AuditReport> FsckTiles(const std::string& dir, const NoteKey& log_key,
                              const Verifier& verifier, unsigned threads);

}  // namespace dure::ledger
