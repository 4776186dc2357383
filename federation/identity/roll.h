// Roll: who is who, and who is revoked, as of the last change that is durable.
//
// A value, and what may be decided by it alone. The IssuingAuthority makes a new one after each
// change; whoever asks keeps the one that it began with, so that nobody waits while the next change
// is being written. Private to this room.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "federation/identity/invitation.h"
#include "federation/identity/issuing.h"
#include "federation/identity/revocation.h"

namespace dure::identity {

struct Roll {
  std::vector<Seat> seats;  // by role and site
  // Never null. Shared with those who watch it: it is the same one until it changes.
  std::shared_ptr<const Revocations> revocations;

  const Seat* Find(Role role, const SiteId& site) const;  // null: there is none
  // kPermissionDenied: revoked.
  Status CheckUnrevoked(const PeerIdentity& peer) const;
  // Whether a seat may be had for an invitation that nobody has spent. `aggregator` is its own
  // name. Errors as IssuingAuthority::Enrol.
  Status CheckInvited(const Invitation& invitation, const SiteId& aggregator, WallTime now) const;
  // What to tell whoever revoked a site or a member of which there is no seat; else empty.
  std::string WarningFor(const RevocationOrder& order) const;

 private:
  Status CheckOperator(const Invitation& invitation, WallTime now) const;
  Status CheckDomicile(const Invitation& invitation) const;
};

// The newest roll. Thread-safe.
class LatestRoll {
 public:
  std::shared_ptr<const Roll> Get() const {
    const std::lock_guard lock(mutex_);
    return roll_;
  }
  void Set(std::shared_ptr<const Roll> roll) {
    const std::lock_guard lock(mutex_);
    roll_.swap(roll);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Roll> roll_;  // guarded by mutex_
};

}  // namespace dure::identity
