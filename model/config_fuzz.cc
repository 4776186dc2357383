// Any bytes as a config.json: refused, or a valid configuration that is written and read unchanged.
#include "federation/check.h"
#include "model/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto config = dure::model::ParseConfigJson({data, size});
  if (!config) return 0;
  DURE_CHECK(dure::model::Validate(*config), "a parsed configuration is valid");
  const auto again =
      dure::model::ParseConfigJson(dure::AsBytes(dure::model::ToConfigJson(*config)));
  DURE_CHECK(again && *again == *config, "what is written reads back");
  return 0;
}
