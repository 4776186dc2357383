#include "tests/sim/sim_signer.h"

#include <algorithm>

#include "federation/digest.h"

namespace dure::sim {
namespace {

Signature SignatureOf(const PublicKey& key, ByteView message) {
  Bytes signed_bytes(key.begin(), key.end());
  signed_bytes.insert(signed_bytes.end(), message.begin(), message.end());
  const Digest half = Sha256(signed_bytes);
  Signature signature{};
  std::ranges::copy(half.bytes, signature.begin());
  std::ranges::copy(half.bytes, signature.begin() + 32);
  return signature;
}

}  // namespace

SimSigner::SimSigner(std::string_view name) {
  key_ = Sha256(AsBytes("test signing key " + std::string(name))).bytes;
}

Signature SimSigner::SignRaw(ByteView message) const { return SignatureOf(key_, message); }

bool SimVerifier::VerifyRaw(const PublicKey& key, ByteView message, ByteView signature) const {
  return std::ranges::equal(SignatureOf(key, message), signature);
}

}  // namespace dure::sim
