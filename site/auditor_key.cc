#include "site/auditor_key.h"

#include <algorithm>

#include "federation/identity/private_files.h"
#include "federation/identity/seat_files.h"

namespace dure::site {
namespace {

bool CountsUnder(const AuditorKey& auditor, const ledger::LogReader& record, uint64_t size) {
  const std::vector<ledger::Cosigner> cosigners = record.Cosigners()->At(size);
  return std::any_of(cosigners.begin(), cosigners.end(), [&](const ledger::Cosigner& one) {
    return one.site == auditor.site && one.key == auditor.key;
  });
}

}  // namespace

Result<AuditorKey> OpenAuditorKey(const std::string& dir, const SiteId& site) {
  DURE_ASSIGN(std::unique_ptr<Signer> signer, identity::SigningKeyAt(dir + "/auditor.key"));
  const std::string name = site.str() + std::string(ledger::kAuditorSuffix);
  DURE_ASSIGN(ledger::CosignerKey key, ledger::CosignerKey::Make(name, signer->Key()));
  return AuditorKey{site, std::move(key), std::move(signer)};
}

Status RenewIfEnded(const std::string& dir, const ledger::LogReader& record, AuditorKey& auditor) {
  if (!record.Cosigners()->IsRevoked(auditor.key.key)) return {};
  const std::string path = dir + "/auditor.key";
  DURE_TRY(identity::RenamePrivate(path, path + ".ended"));
  DURE_ASSIGN(auditor, OpenAuditorKey(dir, auditor.site));
  return {};
}

std::optional<ledger::Event> NotYetAnnounced(const AuditorKey& auditor,
                                             const ledger::LogReader& record) {
  if (CountsUnder(auditor, record, record.Head().head.size)) return std::nullopt;
  return ledger::CosignerAnnounced{auditor.site, auditor.key.Vkey()};
}

Result<std::string> CosignHead(const AuditorKey& auditor, const ledger::LogReader& record,
                               const ledger::TreeHead& head, WallTime now) {
  if (!CountsUnder(auditor, record, head.size)) {
    return Fail(ErrorCode::kFailedPrecondition,
                "the record does not name this site's auditor key below that head");
  }
  return ledger::Cosign(head, auditor.key, *auditor.signer, now).Line();
}

}  // namespace dure::site
