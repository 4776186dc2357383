// Key agreement that costs a hash, for simulated worlds: from two public keys anybody could work
// out what their owners agree on, and nobody in a world does.
#pragma once

#include "federation/masking/agreement.h"

namespace dure::sim {

class SimAgreement final : public masking::KeyAgreement {
 public:
  masking::AgreementKey PublicOf(const masking::Secret& secret) const override;
  Result<masking::Secret> Agree(const masking::Secret& secret,
                                const masking::AgreementKey& peer) const override;
};

}  // namespace dure::sim
