// Any bytes as a model file: refused, or a shape that lies within the file.
#include "federation/check.h"
#include "federation/derivation/derivation.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto shape = dure::derivation::ShapeOf({data, size});
  if (!shape) return 0;
  DURE_CHECK(shape->data_offset % 4096 == 0, "data begins at a page");
  DURE_CHECK(shape->data_offset + shape->parameter_count * sizeof(float) == size,
             "the parameters fill the file");
  return 0;
}
