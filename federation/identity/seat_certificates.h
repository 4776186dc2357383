// A seat's two certificates: how long they live and what they are for, by role.
#pragma once

#include <string>
#include <vector>

#include "federation/identity/ca_files.h"
#include "federation/identity/issuing.h"
#include "federation/identity/messages.h"

namespace dure::identity {

struct SeatKeys {
  Subject subject;
  Domicile domicile;
  Bytes tls_spki;
  PublicKey signing_key{};
  std::vector<std::string> hosts;  // the aggregator's names and addresses
};

// The certificates' fields of the answer; the caller adds the aggregator's and signs.
// kFailedPrecondition: the issuing CA itself is over.
Result<Credentials> IssueSeat(const IssuingFiles& ca, const SeatKeys& keys,
                              const Lifetimes& lifetimes, WallTime now);

// What the book keeps of it. REQUIRES: `credentials` are of IssueSeat for `keys`.
Seat SeatOf(const Credentials& credentials, const SeatKeys& keys, WallTime enrolled);

}  // namespace dure::identity
