// The record in a folder that somebody names on the command line: a site's, the aggregator's, or
// the one that holds ledger.db. For the verbs of `dure ledger`; a running daemon is not disturbed.
#pragma once

#include <memory>
#include <string>

#include "policy/ledger/ledger.h"

namespace dure::cli {

const Verifier& RecordVerifier();

// Where ledger.db is: the folder itself or the ledger's folder in a daemon's one. kNotFound.
Result<std::string> RecordFolder(const std::string& dir);
// A read-only copy of what is stored there. Errors as ledger::OpenLogCopy.
Result<std::unique_ptr<ledger::LogReader>> OpenRecord(const std::string& dir);

}  // namespace dure::cli
