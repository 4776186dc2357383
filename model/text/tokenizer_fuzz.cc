// tokenizer.json from outside: parsed or refused; what parses gives any text back.
#include "federation/bytes.h"
#include "federation/check.h"
#include "model/text/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto tokenizer = dure::text::Tokenizer::Parse({data, size});
  if (!tokenizer) return 0;
  const std::string text(dure::AsText({data, size < 4096 ? size : 4096}));
  DURE_CHECK(tokenizer->Decode(tokenizer->Encode(text)) == text, "decoding undoes encoding");
  return 0;
}
