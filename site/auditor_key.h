// The site's auditor key: co-signs the tree heads that the site has verified and replayed, and
// nothing else.
//
// A key of its own, beside the pen's, since an Ed25519 cosignature does not say whose it is or what
// it claims. Life: opened at start (made the first time, <dir>/auditor.key, 0600), announced once
// on the record by the event that NotYetAnnounced gives, then handed to ledger::Cosign for each
// head. It owns the private half; it is for the loop's thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "policy/ledger/ledger.h"

namespace dure::site {

struct AuditorKey {
  SiteId site;
  ledger::CosignerKey key;  // named <site>/auditor
  std::unique_ptr<Signer> signer;
};

// kPermissionDenied: others may read the file. kCorrupt: it is no key. kUnavailable, kExhausted:
// the folder cannot be written.
Result<AuditorKey> OpenAuditorKey(const std::string& dir, const SiteId& site);

// With its site's signing key an auditor key ends, too, and the record takes it never again: a seat
// that came back gets another, and the old file lies beside as auditor.key.ended. Errors as
// OpenAuditorKey; then `auditor` is as it was.
Status RenewIfEnded(const std::string& dir, const ledger::LogReader& record, AuditorKey& auditor);

// The event that the site still has to record before its cosignatures count; nullopt if the record
// carries this very key as the site's current one. A lost file makes another key, whose event then
// takes the old one's place.
std::optional<ledger::Event> NotYetAnnounced(const AuditorKey& auditor,
                                             const ledger::LogReader& record);

// The cosignature line of `head`; kFailedPrecondition: the record does not carry the key below that
// head, so nobody would count it. REQUIRES: as ledger::Cosign.
Result<std::string> CosignHead(const AuditorKey& auditor, const ledger::LogReader& record,
                               const ledger::TreeHead& head, WallTime now);

}  // namespace dure::site
