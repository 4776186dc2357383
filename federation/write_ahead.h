// An SQLite write-ahead log as a file: its length, taken once and not piece by piece, and what it
// still holds of what its database has forgotten.
//
// A commit that makes the log longer changes the file's length as well, so it waits for the file
// system's own journal, and with it for whatever else anybody is making durable on that disk. One
// that writes over what the log already has waits for its own bytes.
#pragma once

#include <cstdint>
#include <string>

namespace dure {

// As long as a log gets: SQLite folds it into its database at 1000 pages of 4096 bytes and begins
// it anew. The rest is for a large commit on top.
inline constexpr uint64_t kWriteAheadBytes = 4352 * 1024;

// Zeros behind what the log of that database holds, which SQLite reads as its end: a frame that is
// not there. Best effort: where there is no log, no room or no success the log stays as it was, and
// grows with each commit.
// REQUIRES: the caller holds the database's write lock (BEGIN IMMEDIATE), in journal mode WAL.
void GiveWriteAheadRoom(const std::string& database);

// Zeros over all that the log of that database ever held, durably; its length stays. false: it
// could not be (EIO); what is not yet zero is what it was.
// REQUIRES: the log is folded into its database to the end and nobody reads it (a checkpoint of the
// kind RESTART has just succeeded), and no other process has the database open.
bool EraseWriteAhead(const std::string& database);

}  // namespace dure
