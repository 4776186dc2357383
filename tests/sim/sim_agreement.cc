#include "tests/sim/sim_agreement.h"

#include <algorithm>

#include "federation/digest.h"

namespace dure::sim {

masking::AgreementKey SimAgreement::PublicOf(const masking::Secret& secret) const {
  masking::AgreementKey key = Sha256(secret.View()).bytes;
  key.back() &= 0x3f;  // in form
  return key;
}

Result<masking::Secret> SimAgreement::Agree(const masking::Secret& secret,
                                            const masking::AgreementKey& peer) const {
  DURE_TRY(masking::CheckAgreementKey(peer));
  const masking::AgreementKey own = PublicOf(secret);
  const auto& [low, high] = std::minmax(own, peer);
  std::array<uint8_t, 64> both;
  std::ranges::copy(high, std::ranges::copy(low, both.begin()).out);
  masking::Secret agreed;
  agreed.bytes = Sha256(both).bytes;
  return agreed;
}

}  // namespace dure::sim
