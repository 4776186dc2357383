// Signatures that cost a hash, for simulated worlds: whoever knows a public key could make them,
// and nobody in a world does for another's.
#pragma once

#include <string_view>

#include "federation/signer.h"

namespace dure::sim {

class SimSigner final : public Signer {
 public:
  explicit SimSigner(std::string_view name);
  PublicKey Key() const override { return key_; }
  Signature SignRaw(ByteView message) const override;

 private:
  PublicKey key_{};
};

class SimVerifier final : public Verifier {
 public:
  bool VerifyRaw(const PublicKey& key, ByteView message, ByteView signature) const override;
};

}  // namespace dure::sim
