// Witness policies from any bytes. What is taken is written and read again as the same policy, and
// decides without looking beyond it.
#include "federation/check.h"
#include "policy/ledger/witness_policy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dure::ledger;
  const auto policy = WitnessPolicy::Parse(dure::AsText({data, size}));
  if (!policy) return 0;
  const auto again = WitnessPolicy::Parse(policy->Text());
  DURE_CHECK(again && *again == *policy, "a policy reads back as itself");
  std::vector<CosignerKey> all;
  for (const auto& witness : policy->witnesses) all.push_back(witness.key);
  DURE_CHECK(policy->IsMetBy(all), "all witnesses together are always enough");
  return 0;
}
