// Croissant and ODRL files from any bytes: what is taken is sound and can be written as a terms
// file and as ODRL, and what it allows then is no more than before.
#include "federation/check.h"
#include "policy/terms/croissant.h"
#include "policy/terms/odrl.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dure::terms;
  dure::SeededRandom random(1);
  const auto imported = ImportTerms({reinterpret_cast<const char*>(data), size}, random);
  if (!imported) return 0;
  const Terms& terms = imported->draft.terms;
  DURE_CHECK(Check(terms).empty(), "what is taken is sound");
  const auto again = ImportTerms(ToOdrlOffer(terms, "d", "m"), random);
  DURE_CHECK(again.has_value(), "what was written can be read");
  for (size_t i = 0; i < kWordCount<Action>; ++i)
    DURE_CHECK(again->draft.terms.actions[i] >= terms.actions[i], "a copy never allows more");
  return 0;
}
