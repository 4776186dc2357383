// The Ledger in memory: for the simulator and tests. Same contract, no disk; Append answers inside
// the call, on the calling thread. A simulated crash keeps the object (durable) and drops whoever
// used it.
#pragma once

#include <memory>

#include "policy/ledger/ledger.h"

namespace dure::ledger {

// `log_signer` signs tree heads under `log_key`; both outlive the ledger, as does the verifier.
// REQUIRES: log_signer.Key() == log_key.key.
std::unique_ptr<Ledger> MakeMemoryLedger(NoteKey log_key, const Signer& log_signer,
                                         const Verifier& verifier);

}  // namespace dure::ledger
