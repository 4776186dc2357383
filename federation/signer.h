// Signatures over our own canonical bytes. Ed25519 (RFC 8032) in production.
//
// Every use has a domain: the signature covers "DURE1" 0x00 domain 0x00 message, so a signature
// made for one purpose is never valid for another. Formats that fix their own signed bytes (signed
// notes, DSSE's PAE) use the raw forms.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "federation/bytes.h"

namespace dure {

using PublicKey = std::array<uint8_t, 32>;
using Signature = std::array<uint8_t, 64>;

// Thread-safe. Implementations: Ed25519Signer; a cheap one for the simulator in tests/.
class Signer {
 public:
  virtual ~Signer() = default;
  virtual PublicKey Key() const = 0;
  virtual Signature SignRaw(ByteView message) const = 0;
  Signature Sign(std::string_view domain, ByteView message) const;
};

class Verifier {
 public:
  virtual ~Verifier() = default;
  virtual bool VerifyRaw(const PublicKey& key, ByteView message, ByteView signature) const = 0;
  bool Verify(std::string_view domain, const PublicKey& key, ByteView message,
              ByteView signature) const;
};

class Ed25519Signer final : public Signer {
 public:
  static Result<std::unique_ptr<Ed25519Signer>> FromSeed(
      ByteView seed32);  // kInvalid unless 32 bytes
  static Result<std::unique_ptr<Ed25519Signer>> FromPem(std::string_view pem);  // PKCS#8; kInvalid
  static std::unique_ptr<Ed25519Signer> Generate();
  ~Ed25519Signer() override;

  PublicKey Key() const override;
  Signature SignRaw(ByteView message) const override;
  std::string ToPem() const;  // PKCS#8, unencrypted: for the key's own directory only

 private:
  struct State;
  explicit Ed25519Signer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Of a key of small order nothing holds: what it signed anybody could have.
class Ed25519Verifier final : public Verifier {
 public:
  bool VerifyRaw(const PublicKey& key, ByteView message, ByteView signature) const override;
};

}  // namespace dure
