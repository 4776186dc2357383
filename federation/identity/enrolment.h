// The seat's half of becoming known: keys are made here, requests go out, certificates come back.
//
// Life: ParseInvitation -> PrepareEnrolment -> (transport: TLS pinned to the invitation's root,
// opaque bytes) -> AcceptEnrolment -> LoadIdentity. Later, when RenewalDue: PrepareRenewal ->
// (transport, authenticated) -> AcceptRenewal -> LoadIdentity again. Every step may be repeated; a
// lost answer is asked for again.
#pragma once

#include <string>

#include "federation/bytes.h"
#include "federation/clock.h"
#include "federation/identity/identity.h"
#include "federation/identity/invitation.h"

namespace dure::identity {

inline constexpr size_t kEnrolmentBytesMax = 16 * 1024;  // of a request or a response

// Makes the keys in <dir>/identity unless they are there, and returns the request: the invitation,
// a PKCS#10 request signed by the TLS key, and the signing key with its proof. No private key is in
// it. kFailedPrecondition: the invitation is expired. kAlreadyExists: `dir` belongs to another seat
// already. kUnavailable, kExhausted: the folder cannot be written.
enum class Keys : uint8_t {
  kKeep,  // those in the folder; made if there are none
  kNew,   // made anew, and in use from AcceptEnrolment on: the record ended the old ones
};
Result<Bytes> PrepareEnrolment(const Invitation& invitation, const std::string& dir, WallTime now,
                               Keys keys = Keys::kKeep);

// Checks the response against the invitation's pin, names and our own keys, then writes the files,
// the certificate last; a crash in between leaves a folder that enrols again. kUnauthenticated: the
// response is not this consortium's aggregator's, or not for us. kInvalid: malformed.
Status AcceptEnrolment(const Invitation& invitation, const std::string& dir, ByteView response,
                       WallTime now);

// `new_tls_key`: also replaces the TLS key; it takes its place only when the answer is accepted.
Result<Bytes> PrepareRenewal(const Identity& identity, const std::string& dir, bool new_tls_key);
Status AcceptRenewal(const Identity& identity, const std::string& dir, ByteView response,
                     WallTime now);

}  // namespace dure::identity
