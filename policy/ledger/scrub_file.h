// What the scrubber's parts share: the checks, over a connection that somebody opened. Inside this
// room only. Each adds what it finds; an error is SQLite's (kCorrupt: the file has rotted there).
#pragma once

#include <string>
#include <vector>

#include "policy/ledger/scrub.h"
#include "policy/ledger/sqlite_connection.h"

namespace dure::ledger {

Status OpenToRead(Connection& file, const std::string& path);
Damage OfFile(const std::string& path, const std::string& what);

Status CheckRows(Connection& file, const Truth& truth, uint64_t begin, uint64_t end,
                 std::vector<Damage>& found);
// Heads that end in (begin, end], and their cosignatures; from the empty tree on if begin is 0.
Status CheckHeads(Connection& file, const Truth& truth, uint64_t begin, uint64_t end,
                  const Verifier& verifier, std::vector<Damage>& found);
Status CheckNames(Connection& file, std::vector<Damage>& found);
Status CheckStructure(Connection& file, const std::string& path, std::vector<Damage>& found);

struct EntryName {
  std::string key;
  uint64_t index = 0;
};
// What a key's row said before one byte of it rotted. nullopt: more is wrong than one byte.
// `entries`: as many as the log has.
std::optional<EntryName> NameBefore(const EntryName& now, ByteView sum, uint64_t entries);

// A statement for InsertEntry.
Result<sqlite3_stmt*> PrepareInsert(Connection& file);
Status InsertEntry(Connection& file, sqlite3_stmt* insert, uint64_t index,
                   const OpenedEntry& entry);
Status InsertName(Connection& file, const EntryName& name);

}  // namespace dure::ledger
