// Any bytes as a safetensors file: refused, or described by a layout that fills them exactly.
#include "federation/check.h"
#include "model/config.h"
#include "model/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto parsed = dure::model::ParseSafetensors({data, size}, size);
  if (!parsed) return 0;
  const uint64_t data_bytes = parsed->layout.parameter_count() * sizeof(float);
  DURE_CHECK(parsed->data_offset + data_bytes == size, "an accepted layout fills the file");
  // What we write of it is accepted again, as the same layout.
  dure::Bytes again = dure::model::SafetensorsHeader(parsed->layout);
  const auto second = dure::model::ParseSafetensors(again, again.size() + data_bytes);
  DURE_CHECK(second && second->layout == parsed->layout, "our own header reads back");
  return 0;
}
