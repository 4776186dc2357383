// Static export: the log as plain files (tiles.h) that any web server or memory stick can carry,
// and their check.
#pragma once

#include <functional>
#include <string>

#include "policy/ledger/audit.h"

namespace dure::ledger {

// Writes what `dir` lacks for the log's current head, or holds otherwise than it should;
// `checkpoint` last, every file through a temporary name, fsync and rename, so a reader of the
// folder never sees a head whose tiles are missing. Repeating it continues. kUnavailable,
// kExhausted: the disk; the folder then still serves its previous head. kFailedPrecondition: the
// folder is of another log, or holds more entries than this copy. kCorrupt: it holds another
// history of this log. Of those three nothing is written.
Result<TreeHead> ExportTiles(const LogReader& log, const std::string& dir);

// Reads a folder of tiles as a log, without any database: hashes first, then every entry against
// its hash, then who spoke. kNotFound: no checkpoint there. kUnauthenticated: its checkpoint is not
// signed by log_key, or a cosigner's line of it is wrong. kCorrupt: a tile or bundle is missing,
// cut short or contradicts another; it says which entry.
Result<std::unique_ptr<LogReader>> OpenTiles(const std::string& dir, const NoteKey& log_key,
                                             const Verifier& verifier);

// OpenTiles and VerifyAll; kCorrupt also for a checkpoint with lines that are neither the log's nor
// a cosigner's of the record. So no byte of the exported files can change unseen.
Result<AuditReport> FsckTiles(const std::string& dir, const NoteKey& log_key,
                              const Verifier& verifier, unsigned threads,
                              const EntryVisitor& visit = {});
// The same over files that are not in a folder. `files` gives the bytes of a path such as
// "tile/0/000", kNotFound if there are none, kCorrupt if there are more than `bytes_max`.
using FileSource = std::function<Result<Bytes>(const std::string& path, size_t bytes_max)>;
Result<AuditReport> FsckTiles(const FileSource& files, const NoteKey& log_key,
                              const Verifier& verifier, unsigned threads,
                              const EntryVisitor& visit = {});

}  // namespace dure::ledger
