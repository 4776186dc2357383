#include "policy/standing/verify.h"

#include "policy/ledger/export.h"
#include "policy/ledger/sqlite_ledger.h"

namespace dure::standing {

Result<Verified> VerifyFolder(const std::string& dir, const std::optional<ledger::NoteKey>& log_key,
                              const Verifier& verifier, unsigned threads) {
  Verified verified;
  const auto take = [&](const ledger::OpenedEntry& entry) { verified.auditor.Take(entry); };
  DURE_ASSIGN(verified.report, ledger::VerifyFolder(dir, log_key, verifier, threads, take));
  return verified;
}

Result<Verified> VerifyTiles(const std::string& dir, const ledger::NoteKey& log_key,
                             const Verifier& verifier, unsigned threads) {
  Verified verified;
  const auto take = [&](const ledger::OpenedEntry& entry) { verified.auditor.Take(entry); };
  DURE_ASSIGN(verified.report, ledger::FsckTiles(dir, log_key, verifier, threads, take));
  return verified;
}

}  // namespace dure::standing
