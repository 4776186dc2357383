// Certificates, chains and certificate requests as a peer may present them.
#include <cstddef>
#include <cstdint>

#include "federation/identity/certificate.h"
#include "federation/identity/key.h"
#include "federation/identity/peer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dure::identity;
  const dure::ByteView bytes(data, size);
  (void)ReadLeaf(bytes);
  (void)CheckCertificateRequest(bytes, "site", "challenge");
  (void)VerifyChain(bytes, {}, bytes, dure::WallTime());
  const std::string_view text = dure::AsText(bytes);
  (void)DersOf(text);
  (void)VerifyPeer(text, {"hanguk", std::string(text)}, {}, dure::WallTime(), Roles::Any());
  (void)VerifyAggregatorByPin(text, "hanguk", dure::Digest(), dure::WallTime());
  return 0;
}
