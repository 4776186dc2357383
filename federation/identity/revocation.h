// Who may no longer speak, although their certificate is still valid.
//
// `Revocations` is a value: the transport holds a snapshot and asks it for every connection and
// message; the IdentityBook holds the durable truth and makes a new snapshot after each change. A
// revocation of a site or member covers all its certificates, present and future, until it is
// lifted.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "federation/bytes.h"
#include "federation/clock.h"
#include "federation/ids.h"

namespace dure::identity {

struct PeerIdentity;

enum class RevocationKind : uint8_t { kSerial = 1, kSite = 2, kMember = 3, kInvitation = 4 };
std::string_view Name(RevocationKind kind);

// What an operator orders: revoke `target`, or lift an earlier revocation of it.
struct RevocationOrder {
  RevocationKind kind = RevocationKind::kSite;
  std::string target;  // a serial in hex, a site, a member, or an invitation's nonce in hex
  std::string reason;  // for people; at most 200 bytes
  bool lift = false;

  // Canonical bytes, carried opaquely by the transport. Parse is total: kInvalid.
  Bytes Encode() const;
  static Result<RevocationOrder> Parse(ByteView bytes);
  auto operator<=>(const RevocationOrder&) const = default;
};

struct Revocation {
  RevocationKind kind = RevocationKind::kSite;
  std::string target;
  std::string reason;
  WallTime since;
  std::string ToText() const;  // "site kt-seoul revoked 2026-11-24T01:02:03Z: laptop lost"
  auto operator<=>(const Revocation&) const = default;
};

class Revocations {
 public:
  uint64_t version() const { return version_; }  // grows by one with every change
  size_t size() const { return by_target_.size(); }
  void Add(
      Revocation revocation);  // an earlier one of the same target stays: its time is the true one
  void Remove(RevocationKind kind, const std::string& target);
  void SetVersion(uint64_t version) { version_ = version; }
  // The revocation that covers this peer, if any: by serial, then site, then member. O(log n), no
  // I/O.
  const Revocation* Find(const PeerIdentity& peer) const;
  const Revocation* Find(RevocationKind kind, const std::string& target) const;
  const std::map<std::pair<RevocationKind, std::string>, Revocation>& all() const {
    return by_target_;
  }

 private:
  uint64_t version_ = 0;
  std::map<std::pair<RevocationKind, std::string>, Revocation> by_target_;
};

}  // namespace dure::identity
