// Any line of the aggregator's watch stream, and any answer of its: read or kInvalid, never thrown.
#include "federation/bytes.h"
#include "federation/check.h"
#include "site/evaluation_request.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)dure::site::ParseMeasuringDecided(dure::AsText({data, size}));
  const auto request = dure::site::ParseEvaluationRequest(dure::AsText({data, size}));
  if (!request) {
    DURE_CHECK(request.error().code == dure::ErrorCode::kInvalid, "refused as malformed");
    return 0;
  }
  DURE_CHECK(request->manifest.Validate(), "a manifest that is read is valid");
  DURE_CHECK(request->run == request->manifest.run, "the run is the manifest's");
  return 0;
}
