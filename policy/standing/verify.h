// Verification of a whole record: the log's own checks (policy/ledger/audit.h), and whether
// everything that was decided follows from what stands before it. `dure ledger verify` is this.
//
// One pass: an entry is read and parsed once, on whichever core is free, and is folded in order
// while the signatures of the next ones are being checked. Memory: what stands, and some thousand
// entries.
#pragma once

#include <optional>
#include <string>

#include "policy/ledger/audit.h"
#include "policy/standing/auditor.h"

namespace dure::standing {

struct Verified {
  ledger::AuditReport report;
  Auditor auditor;  // its dissent is the first decision that does not hold
};

// As ledger::VerifyFolder and ledger::FsckTiles, with their errors.
Result<Verified> VerifyFolder(const std::string& dir, const std::optional<ledger::NoteKey>& log_key,
                              const Verifier& verifier, unsigned threads);
Result<Verified> VerifyTiles(const std::string& dir, const ledger::NoteKey& log_key,
                             const Verifier& verifier, unsigned threads);

}  // namespace dure::standing
