// Any line on a site's local door: a request or kInvalid, never thrown, and the same when said
// again.
#include "federation/bytes.h"
#include "federation/check.h"
#include "site/local_request.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto request = dure::site::ParseLocalRequest(dure::AsText({data, size}));
  if (!request) {
    DURE_CHECK(request.error().code == dure::ErrorCode::kInvalid, "refused as malformed");
    return 0;
  }
  const auto again = dure::site::ParseLocalRequest(dure::site::LineOf(*request));
  DURE_CHECK(again && again->verb == request->verb && again->run == request->run,
             "what is written is read");
  return 0;
}
