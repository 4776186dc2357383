// Terms files from any bytes: what is taken is sound and can be written and read again.
#include "federation/check.h"
#include "policy/terms/toml.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dure::terms;
  dure::SeededRandom random(1);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto draft = ParseToml(text, "terms.toml", random);
  if (!draft) return 0;
  DURE_CHECK(Check(draft->terms).empty(), "what is taken is sound");
  const std::string written = ToToml(*draft);
  if (written.size() > kTermsFileBytesMax) return 0;
  const auto again = ParseToml(written, "terms.toml", random);
  DURE_CHECK(again.has_value(), "what was written can be read");
  DURE_CHECK(again->attachments.size() == draft->attachments.size(), "texts stay texts");
  return 0;
}
