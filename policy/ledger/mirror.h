// A site's own verified copy of the log, in `ledger.db` of a folder, or in memory.
//
// Life: Open once; for each extension fetched from the aggregator call Extend; use the LogReader
// side for receipts, audits, exports and for sealing own entries (SealNext). A refused extension
// leaves everything as it was and says which entry and why; where two heads contradict, the refusal
// carries both notes: that is evidence against the log.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "policy/ledger/ledger.h"

namespace dure::ledger {

struct MirrorOptions {
  std::string dir;  // exists; the file is <dir>/ledger.db. Empty: in memory
  NoteKey log_key;  // told out of band (the invitation); the genesis entry must name the same
  const Verifier* verifier = nullptr;  // outlives the mirror
  unsigned threads = 1;                // for signature checks
};

class Mirror : public LogReader {
 public:
  // Errors as OpenSqliteLedger. A new mirror is empty: its head is the empty tree with an empty
  // note.
  static Result<std::unique_ptr<Mirror>> Open(MirrorOptions options);

  // Verifies the head's signature, that it extends this copy, every new entry's signature, key,
  // chain, anchor and rules, then stores them durably. nullopt: taken (also when nothing was new).
  // Error: the disk; unchanged. One caller at a time; other methods may be called meanwhile and see
  // the copy before or after, never between.
  virtual Result<std::optional<Refusal>> Extend(const Extension& extension) = 0;

  // Takes a published head of at most this copy's size together with its cosignatures: those of
  // cosigners that the record knows, verified. nullopt: taken. A refusal as Extend's: kFork carries
  // both notes when the head is of another log than this copy. Error: kFailedPrecondition, the head
  // is larger than the copy; or the disk.
  virtual Result<std::optional<Refusal>> TakeCosigned(std::string_view note) = 0;
  // As Ledger::AddCosignature: the site's own one, kept before it is sent.
  virtual Status AddCosignature(uint64_t size, std::string_view line) = 0;
};

}  // namespace dure::ledger
