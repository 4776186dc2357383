// What the aggregator must never forget about who is who: spent invitations, seats, issued serials
// and revocations. One SQLite file, identity.db.
//
// Life: opened by the IssuingAuthority, which calls it under its own lock; one process at a time.
// Each method that changes something returns after the change survives a power cut; on failure
// nothing changed.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "federation/digest.h"
#include "federation/identity/invitation.h"
#include "federation/identity/issuing.h"
#include "federation/identity/revocation.h"

namespace dure::identity {

struct Spending {
  Nonce nonce{};
  Digest keys;     // of the two public keys that spend it
  Bytes response;  // what is answered now and whenever the same keys ask again
  Seat seat;
};

class IdentityBook {
 public:
  // ":memory:" for tests. kFailedPrecondition: another process has it. kCorrupt: not an identity
  // book, or one of an earlier version that knew no domiciles. kUnavailable: the folder cannot be
  // written.
  static Result<std::unique_ptr<IdentityBook>> Open(const std::string& path);
  ~IdentityBook();

  struct Spent {
    Digest keys;
    Bytes response;
  };
  Result<std::optional<Spent>> FindSpent(const Nonce& nonce) const;

  // Spends the nonce, records the seat and its serial. If the seat was held with another signing
  // key, all its unexpired certificates are revoked as superseded. kAlreadyExists: the nonce is
  // spent.
  Status Spend(const Spending& spending, WallTime now);
  // A renewal, or a seat that needed no invitation: the aggregator and the first operator.
  Status PutSeat(const Seat& seat, WallTime now);

  Result<std::vector<Seat>> Seats() const;  // by role and site

  // Adding one that is there changes nothing, not even the version.
  Status Revoke(const Revocation& revocation);
  // kNotFound: nothing to lift. The certificates that a site or a member had stay revoked, each by
  // its serial: its keys are ended on the record, and new ones come with a new enrolment.
  Status Lift(RevocationKind kind, const std::string& target, WallTime now);
  Result<Revocations> LoadRevocations() const;

 private:
  struct State;
  explicit IdentityBook(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dure::identity
