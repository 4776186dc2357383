// A decision, and a set of facts, from any bytes: what is taken is written back the same, and
// agrees with itself.
#include "federation/check.h"
#include "policy/rules/agreement.h"
#include "policy/rules/facts.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dure::rules;
  const std::string_view text = dure::AsText({data, size});
  const auto words = WordsOf(text);
  if (const auto decision = DecisionFromJson(text)) {
    DURE_CHECK(ToJson(*decision) == text, "one decision, one text");
    DURE_CHECK(words == decision->words, "its end tells its words");
    DURE_CHECK(AgreementOf(*decision, text) == Agreement::kSame, "a decision agrees with itself");
    Decision reworded = CodesAndFacts(*decision);
    reworded.words = decision->words ^ 1u;
    DURE_CHECK(AgreementOf(reworded, text) == Agreement::kOtherWords, "apart from its sentences");
  }
  if (const auto facts = Facts::FromBytes({data, size})) {
    const dure::Bytes bytes = facts->ToBytes();
    DURE_CHECK(bytes == dure::Bytes(data, data + size), "one set of facts, one encoding");
  }
  return 0;
}
