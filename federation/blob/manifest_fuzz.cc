// Any bytes: Parse never crashes, and what it accepts encodes to the same bytes.
#include <cstddef>
#include <cstdint>

#include "federation/blob/manifest.h"
#include "federation/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const dure::ByteView input(data, size);
  const auto manifest = dure::blob::Manifest::Parse(input);
  if (manifest) {
    const dure::Bytes again = manifest->Encode();
    DURE_CHECK(dure::AsText(again) == dure::AsText(input), "one manifest has one encoding");
  }
  return 0;
}
