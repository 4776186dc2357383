// An invitation: one line of text by which an operator lets one seat into the consortium, once.
//
// Life: an operator makes it with MakeInvitation, hands the line over by any channel that it trusts
// with a password, the site parses it and enrols with it, the aggregator spends it. It pins the
// root CA and says where the aggregator is, so a site needs nothing else.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "federation/clock.h"
#include "federation/digest.h"
#include "federation/identity/domicile.h"
#include "federation/identity/subject.h"
#include "federation/random.h"
#include "federation/signer.h"

namespace dure::identity {

using Nonce = std::array<uint8_t, 16>;

struct Invitation {
  Subject subject;    // whom it is for
  Domicile domicile;  // of the member
  WallTime expires;
  Nonce nonce{};
  Digest root_pin;            // SHA-256 of the root certificate's DER
  std::string address;        // host:port of the aggregator, mutual TLS
  std::string enrol_address;  // host:port where a peer without a certificate may ask for one
  PublicKey operator_key{};   // who signed it
  std::string text;           // the line as it was given: what an enrolment request carries

  std::string NonceHex() const;
};

struct InvitationDraft {
  Subject subject;
  Domicile domicile;
  WallTime expires;
  Digest root_pin;
  std::string address;
  std::string enrol_address;
};

// "dure2-<base64url>". kInvalid: a role that cannot be invited, a malformed country or address.
Result<Invitation> MakeInvitation(const InvitationDraft& draft, const Signer& operator_signer,
                                  Random& random);

// Total and bounded (limits::kInvitationBytesMax); blanks around the line are forgiven, nothing
// else. Checks the signature by the key that the invitation itself names: that catches a damaged
// paste. Whether this key is an operator's is for the aggregator to say. Says nothing about expiry.
// kInvalid: not an invitation, of an earlier version, cut short, altered.
Result<Invitation> ParseInvitation(std::string_view line);

// kFailedPrecondition when `now` is at or after its end.
Status CheckNotExpired(const Invitation& invitation, WallTime now);

// kInvalid unless "host:port" with a port of 1..65535; "[::1]:443" for IPv6. Host is what TLS
// checks.
struct HostPort {
  std::string host;
  uint16_t port = 0;
  bool is_ip = false;
};
Result<HostPort> ParseAddress(std::string_view address);

}  // namespace dure::identity
