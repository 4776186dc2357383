// Verification of a whole log from the first byte, believing nothing that is stored beside the
// entries.
#pragma once

#include <array>
#include <string>

#include "policy/ledger/ledger.h"

namespace dure::ledger {

struct AuditReport {
  TreeHead head;
  uint64_t signatures_checked = 0;
  std::array<uint64_t, kEventTypes> entries_by_type{};
  uint64_t keys_admitted = 0;
};

// Checks the head's signature, then every entry's hash, signature, key, chain, anchor and rules,
// over `threads` threads in pages. A finding is a Refusal as the error's text: kCorrupt or as
// AsError says.
Result<AuditReport> VerifyAll(const LogReader& log, const NoteKey& log_key,
                              const Verifier& verifier, unsigned threads);

}  // namespace dure::ledger
