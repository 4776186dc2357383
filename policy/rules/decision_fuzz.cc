// A decision, and a set of facts, from any bytes: what is taken is written back the same.
#include "federation/check.h"
#include "policy/rules/decision.h"
#include "policy/rules/facts.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dure::rules;
  const std::string_view text = dure::AsText({data, size});
  if (const auto decision = DecisionFromJson(text))
    DURE_CHECK(ToJson(*decision) == text, "one decision, one text");
  if (const auto facts = Facts::FromBytes({data, size})) {
    const dure::Bytes bytes = facts->ToBytes();
    DURE_CHECK(bytes == dure::Bytes(data, data + size), "one set of facts, one encoding");
  }
  return 0;
}
