// Any text as each request: read or refused, never thrown; what is read keeps its bounds.
#include "aggregator/requests.h"
#include "federation/check.h"
#include "federation/limits.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dure::aggregator;
  const std::string_view text = dure::AsText({data, size});
  if (const auto start = ParseStart(text)) {
    DURE_CHECK(start->manifest.Validate(), "a manifest that is read is valid");
  }
  (void)ParseRun(text);
  (void)ParseEvaluate(text);
  (void)ParseEvaluationId(text);
  if (const auto report = ParseReport(text)) {
    DURE_CHECK(!report->error || (!report->error->empty() && report->error->size() <= 500),
               "a reason is there and bounded");
  }
  if (const auto asked = ParseMeasuring(text)) {
    DURE_CHECK(asked->datasets.size() <= 256, "a question is bounded");
  }
  (void)ParseRevocation(text);
  (void)ParseAppend(text);
  (void)ParseCosignature(text);
  (void)ParseHeld(text);
  if (const auto spare = ParseSpare(text)) {
    DURE_CHECK(spare->entry.size() <= dure::limits::kEntryBytesMax, "an entry is bounded");
  }
  (void)ParseGrant(text);
  (void)ParseWatch(text);
  return 0;
}
