// Verification of a whole log from the first byte, believing nothing that is stored beside the
// entries.
//
// Three things overlap: the next page is read, the page before it has its entries parsed and their
// signatures checked over all threads, the one before that is folded in order. So the whole costs
// little more than its signatures.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>

#include "policy/ledger/ledger.h"

namespace dure::ledger {

struct AuditReport {
  TreeHead head;
  NoteKey log_key;
  uint64_t signatures_checked = 0;
  std::array<uint64_t, kEventTypes> entries_by_type{};
  uint64_t keys_admitted = 0;
};

// Sees the entries in order, each once it passed all checks of the log itself; on the caller's
// thread, while the signatures of later entries are being checked.
using EntryVisitor = std::function<void(const OpenedEntry& entry)>;

// Checks the head's signature, then every entry's hash, signature, key, chain, anchor and rules,
// over `threads` threads in pages. A finding is a Refusal as the error's text: kCorrupt or as
// AsError says; `visit` has then seen the entries before it.
Result<AuditReport> VerifyAll(const LogReader& log, const NoteKey& log_key,
                              const Verifier& verifier, unsigned threads,
                              const EntryVisitor& visit = {});

// As LogReader::Read.
using PageReader =
    std::function<Result<std::vector<Bytes>>(uint64_t begin, uint64_t end, size_t bytes_max)>;
// The same for a head's note and entries from anywhere.
Result<AuditReport> VerifyPages(const std::string& note, const PageReader& read,
                                const NoteKey& log_key, const Verifier& verifier, unsigned threads,
                                const EntryVisitor& visit = {});

}  // namespace dure::ledger
