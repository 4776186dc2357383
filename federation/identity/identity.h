// A seat's own identity, on disk and in memory.
//
// <dir>/identity/ (0700) holds, each 0600:
//   tls.key          the TLS key (P-256)
//   tls.crt          what TLS presents: the seat's certificate, the issuing CA, the root
//   root.crt         what TLS trusts
//   signing.key      the Ed25519 key for signatures that outlive a connection
//   signing.crt      its certificate, useless for TLS, and the issuing CA
//   consortium.json  names, the aggregator's addresses and key, the log's key
//   domicile.json    house and country as the invitation said them; missing in older folders
// Keys are made here and never leave. Written by enrolment and renewal (enrolment.h), read by
// LoadIdentity.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "federation/clock.h"
#include "federation/identity/domicile.h"
#include "federation/identity/peer.h"
#include "federation/identity/subject.h"
#include "federation/signer.h"

namespace dure::identity {

struct Identity {
  Subject subject;
  std::string serial;  // of the TLS certificate
  WallTime not_before;
  WallTime not_after;
  std::string tls_key_pem;
  std::string cert_chain_pem;  // leaf, issuing CA, root
  std::string root_pem;
  Digest root_pin;
  std::unique_ptr<Ed25519Signer> signer;
  std::string signing_cert_pem;
  std::string log_vkey;  // C2SP verifier key of the aggregator's log
  std::string log_origin;
  PublicKey aggregator_key{};  // the aggregator's Ed25519 key
  std::string address;         // host:port, mutual TLS
  std::string enrol_address;
  std::optional<Domicile> domicile;  // of the member, as this seat was invited

  const MemberId& member() const { return subject.member; }
  const SiteId& site() const { return subject.site; }
  Role role() const { return subject.role; }
  Trust trust() const { return {subject.consortium, root_pem}; }
};

// kNotFound: `dir` holds no identity (enrol first). kPermissionDenied: a key file that others may
// read. kCorrupt: a file is malformed, or a certificate and its key do not belong together. An
// expired certificate loads; the caller sees not_after.
Result<Identity> LoadIdentity(const std::string& dir);

// True when less than a third of the certificate's life is left, or none; and when it has not
// begun: a clock that ran ahead made it, and nobody else accepts it.
bool RenewalDue(WallTime not_before, WallTime not_after, WallTime now);
inline bool RenewalDue(const Identity& identity, WallTime now) {
  return RenewalDue(identity.not_before, identity.not_after, now);
}
// The first instant of the certificate's life at which RenewalDue is true: what a daemon sets its
// timer to.
WallTime RenewalTime(WallTime not_before, WallTime not_after);

}  // namespace dure::identity
