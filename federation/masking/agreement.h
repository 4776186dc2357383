// X25519 (RFC 7748) key agreement. OpenSSL stays behind agreement.cc. Pure; any thread.
#pragma once

#include <array>
#include <cstdint>

#include "federation/masking/secret.h"

namespace dure::masking {

using AgreementKey = std::array<uint8_t, 32>;  // a public key, little-endian u-coordinate

AgreementKey PublicOf(const Secret& secret);

// kInvalid: not the one encoding of a u-coordinate (2^255 - 19 or more), which two readers could
// take for two keys.
Status CheckAgreementKey(const AgreementKey& key);

// The shared secret, the same from both ends. Never a key by itself: it goes through Expand.
// kInvalid: `peer` fails CheckAgreementKey, or is one of the points of low order, with which every
// secret agrees on zero.
Result<Secret> Agree(const Secret& secret, const AgreementKey& peer);

}  // namespace dure::masking
