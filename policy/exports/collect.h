// Collect: a model's dossier from a copy of the record.
//
// Everything is read from the entries [0, as_of), also the time the dossier was made at: that of
// the latest of them. So whoever holds a copy makes the same files again, byte for byte, and can
// compare them with what a disclosure-exported entry names. Blocks on the copy's disk; any thread.
#pragma once

#include "policy/exports/dossier.h"
#include "policy/exports/exports.h"
#include "policy/ledger/ledger.h"

namespace dure::exports {

// `reasons` is the language of the reasons of decisions. kNotFound: no round closed before `as_of`
// made the model. kInvalid: as_of is beyond the copy, or an entry is of an unknown form. kCorrupt:
// an entry cannot be read back.
Result<Dossier> Collect(const ledger::LogReader& log, uint64_t as_of, const Digest& model,
                        terms::Language reasons);

// Names an export's bytes: of one file the SHA-256 of it, of several that of what `sha256sum`
// prints for them, in order.
Digest DigestOf(const Export& made);

}  // namespace dure::exports
