// The scrubber's two hands: reading a log's or a mirror's `ledger.db` back from its disk while
// nobody asks for it, and mending what has rotted there.
//
// What must be there is known without that file: a tree whose root the log's key has signed
// (Truth). So a rotted byte is named, not guessed at, and what is put in its place is taken from
// anybody, since only one entry hashes to its leaf. A Scrub opens the file anew each time, beside
// the log's own connections; one caller at a time. scrubbing.h is the pace at which a daemon calls
// it, and MendFolder what a person calls when no daemon runs.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "policy/ledger/ledger.h"

namespace dure::ledger {

struct Truth {
  NoteKey log_key;
  uint64_t size = 0;
  std::function<Digest(uint64_t index)> leaf;
  std::function<Digest(uint64_t size)> root;
};
// Of a log in memory, which was compared with its signed head when it was opened. REQUIRES: `log`
// outlives it.
Truth TruthOf(const LogReader& log);

enum class Rotted : uint8_t {
  kEntry,        // at: its index. Its bytes, or what its row says of them
  kHead,         // at: its size
  kCosignature,  // at: the size of its head
  kName,         // at: the index of the entry whose idempotency key it is
  kFile,         // SQLite's own structure, or a table's definition
};

struct Damage {
  Rotted what = Rotted::kFile;
  uint64_t at = 0;
  std::string text;  // "entry 17 (run-proposed): its bytes are not …"
  std::string row;   // the cosigner, or the idempotency key, as the file has it
  auto operator<=>(const Damage&) const = default;
};

// Where whole ones come from. Each may say that it has none.
struct Spares {
  std::function<std::optional<Bytes>(uint64_t index)> entry;
  std::function<std::optional<std::string>(uint64_t size)> note;
};

class Scrub {
 public:
  // `dir` holds ledger.db. REQUIRES: verifier outlives it.
  Scrub(std::string dir, const Verifier& verifier) : dir_(std::move(dir)), verifier_(verifier) {}

  // Entries [begin, end), the heads that end in them, and their cosignatures. Error: the file
  // cannot be read at all. REQUIRES: end <= truth.size.
  Result<std::vector<Damage>> CheckEntries(const Truth& truth, uint64_t begin, uint64_t end) const;
  // Idempotency keys, the tables' definitions, and SQLite's own account of its file.
  Result<std::vector<Damage>> CheckFile() const;

  // Puts the damaged thing right in its place, durably, or says why not: kNotFound, nobody has it
  // whole; kInvalid, what the spare gave is not it; kFailedPrecondition, the file itself must be
  // made anew (MendFolder); else the disk. A cosignature that does not verify, a key of which more
  // than a byte has rotted, and a head that is not the last and that nobody has, are taken out:
  // members hold the first and the last, and the entry itself stays. REQUIRES: this process may
  // write the folder.
  Status Mend(const Truth& truth, const Damage& damage, const Spares& spares) const;

 private:
  std::string path() const { return dir_ + "/ledger.db"; }

  const std::string dir_;
  const Verifier& verifier_;
};

struct Mended {
  uint64_t size = 0;  // of the copy, by the last of its heads that is whole
  std::vector<Damage> found;
  std::vector<Damage> left;  // of these: nothing was done, or nothing could be
};
// The whole of a folder that nobody writes: a file in which something rotted is made anew of what
// is whole in it and of `other` (null: nobody's), and the old one kept as ledger.db.rotted. What
// must be there is made of the file's own leaf hashes, and of `other` where these do not give the
// signed root. kNotFound: no ledger there. kFailedPrecondition: a daemon holds the folder.
// kInvalid: `other` is of another log. kCorrupt: `other` does not hold what is missing, or
// contradicts a head of this copy; nothing is changed.
Result<Mended> MendFolder(const std::string& dir, const NoteKey& log_key, const LogReader* other,
                          const Verifier& verifier);
// Looks and changes nothing; also beside a running daemon. Errors as MendFolder's.
Result<Mended> CheckFolder(const std::string& dir, const NoteKey& log_key, const LogReader* other,
                           const Verifier& verifier);

}  // namespace dure::ledger
