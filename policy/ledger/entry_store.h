// Where a log or a mirror keeps its entries: SQLite or memory. Inside this room only; one writer.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/ledger/events.h"

namespace dure::ledger {

struct StoredHead {
  uint64_t size = 0;
  std::string note;
};

struct StoredCosignature {
  std::string cosigner;  // its vkey
  std::string line;
};

struct NewEntry {
  const OpenedEntry* entry = nullptr;
  std::string key;  // idempotency key, may be empty
};

// Given the leaf hashes of the bytes as the store gives them back, the note over the tree that ends
// in them.
using NoteOver = std::function<Result<std::string>(const std::vector<Digest>& stored_leaves)>;

class EntryStore {
 public:
  virtual ~EntryStore() = default;
  // Entries [first, first + group.size()) and the head over them, all durable or none. `note_over`
  // is called after the entries were written and read back, before the commit; its failure takes
  // everything back. kFailedPrecondition: the store does not hold exactly `first` entries.
  // kExhausted: full. kUnavailable: I/O. REQUIRES: one caller at a time.
  virtual Status Commit(uint64_t first, const std::vector<NewEntry>& group,
                        const NoteOver& note_over) = 0;
  // Cosignature lines of a head, and the head's note where the store lacks it; what is there stays
  // as it is. Durable, all or none. Thread-safe beside Commit. kExhausted, kUnavailable.
  virtual Status PutCosignatures(const StoredHead& head,
                                 const std::vector<StoredCosignature>& lines) = 0;
  // As LogReader::Read, without its checks of range and hash. Thread-safe, as are those that
  // follow.
  virtual Result<std::vector<Bytes>> Read(uint64_t begin, uint64_t end, size_t bytes_max) const = 0;
  virtual Result<uint64_t> Size() const = 0;
  virtual Result<std::optional<StoredHead>> LastHead() const = 0;
  // The head LogReader::HeadFor speaks of.
  virtual Result<std::optional<StoredHead>> HeadFor(uint64_t from, uint64_t entries_max) const = 0;
  virtual Result<std::optional<StoredHead>> HeadAt(uint64_t size) const = 0;
  // By cosigner.
  virtual Result<std::vector<StoredCosignature>> CosignaturesAt(uint64_t size) const = 0;
  // The largest size below `below` of which there are cosignatures.
  virtual Result<std::optional<uint64_t>> CosignedSizeBelow(uint64_t below) const = 0;
  virtual Result<std::optional<uint64_t>> FindKey(std::string_view key) const = 0;
  virtual Result<std::optional<uint64_t>> FindLeaf(const Digest& leaf) const = 0;
};

std::unique_ptr<EntryStore> MakeMemoryStore();

struct SqliteStoreOptions {
  std::string dir;
  bool read_only = false;
  uint64_t file_bytes_max = 0;  // 0: as much as the disk holds
};
// `ledger.db`. Errors as OpenSqliteLedger, kNotFound for a read-only open of nothing.
Result<std::unique_ptr<EntryStore>> OpenSqliteStore(const SqliteStoreOptions& options);

}  // namespace dure::ledger
