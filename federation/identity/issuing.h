// The aggregator's half: the issuing CA, which seats there are, and who is revoked.
//
// Who asks (revocations, FindSeat, Seats, IssuingEnds) never waits for a change that is being
// written, and hears of it once it is durable: the loop asks.
//
// Life: Open once at start on the aggregator's folder; Enrol, Renew and Obey from any thread;
// destroyed at exit. It owns <dir>/ca/issuing.pem in memory and <dir>/identity.db through the
// IdentityBook.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "federation/bytes.h"
#include "federation/clock.h"
#include "federation/identity/domicile.h"
#include "federation/identity/peer.h"
#include "federation/identity/revocation.h"
#include "federation/random.h"
#include "federation/signer.h"

namespace dure::identity {

struct Lifetimes {
  std::chrono::seconds site = std::chrono::days(7);     // a daemon renews by itself
  std::chrono::seconds person = std::chrono::days(90);  // a person renews when a command is run
  std::chrono::seconds aggregator = std::chrono::days(7);
  // Certificates begin this much before now, so that a peer whose clock is behind accepts them.
  std::chrono::seconds clock_skew = std::chrono::minutes(5);
};

// Each costs signatures and disk, whoever asks; people do not need more.
inline constexpr int kEnrolmentsAMinuteMax = 120;

// Of one seat, which renews every few days: each stays in the book until its certificate ends.
inline constexpr int kRenewalsAtOnceMax = 6;
inline constexpr std::chrono::minutes kRenewalAgainAfter{10};

// From this much before its end on a person is reminded of the issuing CA: the root key may lie in
// a safe elsewhere.
inline constexpr std::chrono::days kIssuingNotice{60};
// What there is to do about an issuing CA that ends then, for people; empty: nothing yet.
std::string IssuingNotice(WallTime ends, WallTime now);

// A seat that was let in: its names, and the key whose signatures count as its word.
struct Seat {
  Subject subject;
  Domicile domicile;  // of its member; the same for all seats of one
  PublicKey signing_key{};
  Bytes signing_cert_der;
  std::string serial;  // of its newest TLS certificate
  WallTime enrolled;
  WallTime not_after;  // of its newest certificates
};

// Whom a seat's newest certificate names.
PeerIdentity PeerOf(const Seat& seat);

class IssuingAuthority {
 public:
  // kNotFound: no CA in `dir`. kPermissionDenied: its key is readable by others. kCorrupt: key,
  // certificate and root do not belong together, or identity.db is damaged. kFailedPrecondition:
  // another process has it.
  static Result<std::unique_ptr<IssuingAuthority>> Open(const std::string& dir,
                                                        const Lifetimes& lifetimes);
  ~IssuingAuthority();

  // Spends the invitation and returns the response; both durable before it answers. The same
  // request, or one with the same keys, gets the same answer again. kInvalid: malformed, or a proof
  // does not verify. kUnauthenticated: signed by no operator of this consortium. kPermissionDenied:
  // wrong consortium, revoked, or the site belongs to another member. kFailedPrecondition: expired,
  // withdrawn, or it puts the member in another house or country than the seats it has.
  // kAlreadyExists: spent by another key. kUnavailable: as many as may were let in within a
  // minute, or asked again for what they were answered; who is refused for another reason is none
  // of them.
  Result<Bytes> Enrol(ByteView request, WallTime now);

  // For a peer that VerifyPeer let in. kPermissionDenied: revoked, or superseded by a later
  // enrolment of the same seat. kInvalid: malformed, or a proof does not verify. kUnavailable:
  // renewed often within the last hour; the message says when it may be again.
  Result<Bytes> Renew(const PeerIdentity& peer, ByteView request, WallTime now);

  // Carries out a revocation order (canonical bytes, revocation.h) of an operator, durably, then
  // calls the observer with the new snapshot. kPermissionDenied: `peer` is no operator. kNotFound:
  // to lift, nothing under that name. Returns the revocation as text for people.
  Result<std::string> Obey(const PeerIdentity& peer, ByteView order, WallTime now);

  // New certificates for the aggregator itself, when due; written to its identity folder. Returns
  // whether anything changed (then: LoadIdentity again). kFailedPrecondition: the issuing CA ended.
  Result<bool> RenewOwn(WallTime now);

  // When the issuing CA ends, and all that it issued with it.
  WallTime IssuingEnds() const;

  // The snapshot in force. Shared because readers keep the one that they began with.
  std::shared_ptr<const Revocations> revocations() const;
  // Called on the thread of Obey after each change; one observer, set before the first call.
  void OnRevocation(std::function<void(std::shared_ptr<const Revocations>)> observer);

  std::optional<Seat> FindSeat(Role role, const SiteId& site) const;
  std::vector<Seat> Seats() const;  // by subject
  const Trust& trust() const;

 private:
  struct State;
  explicit IssuingAuthority(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dure::identity
