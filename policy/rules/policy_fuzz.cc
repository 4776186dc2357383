// A policy text from any bytes: read or refused with problems, never both; what is read is written
// in a form that reads the same and is written the same; linting and running its cases are total.
#include "federation/check.h"
#include "policy/rules/cases.h"
#include "policy/rules/explain.h"
#include "policy/rules/format.h"
#include "policy/rules/lint.h"
#include "policy/rules/parse.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dure::rules;
  const std::string_view text = dure::AsText({data, size});
  const Parsed parsed = ParsePolicy(text);
  DURE_CHECK(parsed.document.has_value() == parsed.problems.empty(), "a text is read or refused");
  for (const Problem& problem : parsed.problems)
    DURE_CHECK(!ToText(problem, "f", text).empty(), "a problem can be shown");
  (void)ParseFact(text);
  if (!parsed.document) return 0;
  const std::string written = Format(parsed.document->policy);
  const Parsed again = ParsePolicy(written);
  // The canonical layout may be longer than what was read, and then exceed the bound.
  if (written.size() > kPolicyBytesMax) return 0;
  DURE_CHECK(again.document.has_value(), "what is written is read");
  DURE_CHECK(again.document->policy == parsed.document->policy, "and says the same");
  DURE_CHECK(Format(again.document->policy) == written, "and is written the same");
  if (size > 4096) return 0;
  Lint(*again.document, ConsortiumSchema());
  DURE_CHECK(RunCases(*again.document).has_value(), "the cases of a policy that reads can run");
  ExplainPolicy(again.document->policy, ConsortiumSchema(), Language::kKorean);
  return 0;
}
