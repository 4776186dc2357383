// Who is at the other end of a TLS connection. Called before any message of that connection is
// parsed.
//
// Life: the transport asks for the client's certificate, takes the PEM chain that the peer
// presented, and calls VerifyPeer once a connection; on each later message Revocations::Find is
// enough. Pure: the time comes in, nothing is read or kept. Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "federation/clock.h"
#include "federation/digest.h"
#include "federation/identity/revocation.h"
#include "federation/identity/subject.h"

namespace dure::identity {

// What a daemon trusts: one root, one consortium.
struct Trust {
  std::string consortium;
  std::string root_pem;
};

struct PeerIdentity {
  std::string consortium;
  MemberId member;
  SiteId site;  // the seat's name; see Subject
  Role role = Role::kMember;
  std::string serial;  // lower-case hex
  WallTime not_before;
  WallTime not_after;
  Digest key_fingerprint;  // SHA-256 of the TLS key's SubjectPublicKeyInfo

  Subject subject() const { return {consortium, member, role, site}; }
};

// `chain_pem` is the leaf first, then whatever the peer sent along. The leaf must be a TLS client
// certificate for a member, officer, researcher or operator, and a TLS server certificate for an
// aggregator. Refuses, each with its own words at the start of the message:
//   kUnauthenticated  "no certificate", "malformed certificate", "foreign CA", "wrong consortium",
//                     "expired" (with the time), "not yet valid" (with the time), "wrong purpose"
//   kPermissionDenied "revoked" (with the time and reason), "wrong role" (has and needs)
Result<PeerIdentity> VerifyPeer(std::string_view chain_pem, const Trust& trust,
                                const Revocations& revocations, WallTime now, Roles required);

// What of VerifyPeer may change while a certificate stays the same, for a peer that it let in
// before: "revoked" and "wrong role". The dates in `peer` are the caller's to compare.
Status CheckStanding(const PeerIdentity& peer, const Revocations& revocations, Roles required);

// For the one call made before the root is known: `chain_pem` must be an aggregator's and end in
// the root whose DER has the SHA-256 `root_pin` (an invitation carries it). Errors as VerifyPeer;
// "foreign CA" also means that the root of that fingerprint was not in the chain.
Result<PeerIdentity> VerifyAggregatorByPin(std::string_view chain_pem, std::string_view consortium,
                                           const Digest& root_pin, WallTime now);

}  // namespace dure::identity
