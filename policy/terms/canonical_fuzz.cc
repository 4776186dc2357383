// Canonical terms from any bytes: what is taken is sound, and is exactly what would be written.
#include "federation/check.h"
#include "policy/terms/terms.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dure::terms;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto terms = ParseCanonical(text);
  if (!terms) return 0;
  DURE_CHECK(Check(*terms).empty(), "what is taken is sound");
  DURE_CHECK(ToCanonical(*terms) == text, "one value has one spelling");
  return 0;
}
