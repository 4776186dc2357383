// X25519 (RFC 7748) key agreement. OpenSSL stays behind agreement.cc. Pure; any thread.
#pragma once

#include <array>
#include <cstdint>

#include "federation/masking/secret.h"

namespace dure::masking {

using AgreementKey = std::array<uint8_t, 32>;  // a public key, little-endian u-coordinate

AgreementKey PublicOf(const Secret& secret);

// kInvalid: not the one encoding of a u-coordinate (2^255 - 19 or more), which two readers could
// take for two keys; or one of the five points of low order, of the curve and of its twist, with
// which every secret agrees on zero.
Status CheckAgreementKey(const AgreementKey& key);

// The shared secret, the same from both ends. Never a key by itself: it goes through Expand.
// kInvalid: `peer` fails CheckAgreementKey.
Result<Secret> Agree(const Secret& secret, const AgreementKey& peer);

// What the halves agree on keys with. Thread-safe. Implementations: X25519; in tests/sim one that
// costs a hash and hides nothing, for worlds whose traces show no keys.
class KeyAgreement {
 public:
  virtual ~KeyAgreement() = default;
  virtual AgreementKey PublicOf(const Secret& secret) const = 0;
  // From both ends the same. kInvalid: `peer` fails CheckAgreementKey.
  virtual Result<Secret> Agree(const Secret& secret, const AgreementKey& peer) const = 0;
};

class X25519 final : public KeyAgreement {
 public:
  AgreementKey PublicOf(const Secret& secret) const override;
  Result<Secret> Agree(const Secret& secret, const AgreementKey& peer) const override;
};
extern const X25519 kX25519;

}  // namespace dure::masking
