#include "federation/identity/peer.h"

#include "federation/identity/certificate.h"

namespace dure::identity {
namespace {

Result<std::vector<Bytes>> PresentedChain(std::string_view chain_pem) {
  if (chain_pem.empty()) {
    return Fail(ErrorCode::kUnauthenticated,
                "no certificate: the peer presented none; enrol first (dure site enrol)");
  }
  auto chain = DersOf(chain_pem);
  if (!chain) {
    return Fail(ErrorCode::kUnauthenticated, "malformed certificate: " + chain.error().message);
  }
  return chain;
}

Result<PeerIdentity> VerifyLeaf(const std::vector<Bytes>& chain, ByteView root,
                                std::string_view consortium, WallTime now) {
  const std::span<const Bytes> between(chain.begin() + 1, chain.end());
  DURE_TRY(VerifyChain(chain.front(), between, root, now));
  const Result<Leaf> leaf = ReadLeaf(chain.front());
  if (!leaf) {
    return Fail(ErrorCode::kUnauthenticated, "malformed certificate: " + leaf.error().message);
  }
  const Subject& subject = leaf->subject;
  if (subject.consortium != consortium) {
    return Fail(ErrorCode::kUnauthenticated, "wrong consortium: the certificate is of '" +
                                                 subject.consortium + "', this is '" +
                                                 std::string(consortium) + "'");
  }
  const bool is_aggregator = subject.role == Role::kAggregator;
  if (leaf->purpose != (is_aggregator ? Purpose::kTlsServer : Purpose::kTlsClient)) {
    return Fail(ErrorCode::kUnauthenticated,
                "wrong purpose: the certificate is not for this end of a TLS connection");
  }
  PeerIdentity peer;
  peer.consortium = subject.consortium;
  peer.member = subject.member;
  peer.site = subject.site;
  peer.role = subject.role;
  peer.serial = leaf->serial;
  peer.not_before = leaf->not_before;
  peer.not_after = leaf->not_after;
  peer.key_fingerprint = leaf->key_fingerprint;
  return peer;
}

Status CheckRole(const PeerIdentity& peer, Roles required) {
  if (required.Has(peer.role)) return {};
  return Fail(ErrorCode::kPermissionDenied,
              "wrong role: " + peer.site.str() + " of " + peer.member.str() + " is " +
                  std::string(Name(peer.role)) + ", this needs " + required.Names());
}

}  // namespace

Result<PeerIdentity> VerifyPeer(std::string_view chain_pem, const Trust& trust,
                                const Revocations& revocations, WallTime now, Roles required) {
  DURE_ASSIGN(const std::vector<Bytes> chain, PresentedChain(chain_pem));
  DURE_ASSIGN(const std::vector<Bytes> roots, DersOf(trust.root_pem));
  DURE_ASSIGN(PeerIdentity peer, VerifyLeaf(chain, roots.front(), trust.consortium, now));
  DURE_TRY(CheckStanding(peer, revocations, required));
  return peer;
}

Status CheckStanding(const PeerIdentity& peer, const Revocations& revocations, Roles required) {
  if (const Revocation* found = revocations.Find(peer)) {
    return Fail(ErrorCode::kPermissionDenied, "revoked: " + found->ToText());
  }
  return CheckRole(peer, required);
}

Result<PeerIdentity> VerifyAggregatorByPin(std::string_view chain_pem, std::string_view consortium,
                                           const Digest& root_pin, WallTime now) {
  DURE_ASSIGN(const std::vector<Bytes> chain, PresentedChain(chain_pem));
  if (Sha256(chain.back()) != root_pin) {
    return Fail(ErrorCode::kUnauthenticated,
                "foreign CA: the aggregator's chain does not end in the root that the invitation "
                "pins; check the address, or ask for a new invitation");
  }
  DURE_ASSIGN(PeerIdentity peer, VerifyLeaf(chain, chain.back(), consortium, now));
  DURE_TRY(CheckRole(peer, Roles{Role::kAggregator}));
  return peer;
}

}  // namespace dure::identity
