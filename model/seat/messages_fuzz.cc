// Lines from the other side of the seat: parsed or refused; what parses survives being written
// again.
#include "federation/bytes.h"
#include "federation/check.h"
#include "model/seat/channel.h"
#include "model/seat/messages.h"

namespace {
std::string Unended(std::string line) {
  line.pop_back();
  return line;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dure::seat;
  const std::string_view text = dure::AsText({data, size});
  LineCutter cutter;
  cutter.Feed(text);
  for (auto line = cutter.Next(); line && line->has_value(); line = cutter.Next()) {
    if (const auto request = ParseRequest(**line)) {
      const auto again = ToLine(*request);
      DURE_CHECK(!again || ParseRequest(Unended(*again)).value() == *request,
                 "a request survives the wire");
    }
    if (const auto event = ParseEvent(**line)) {
      DURE_CHECK(ParseEvent(Unended(ToLine(*event))).has_value(), "an event survives the wire");
    }
  }
  return 0;
}
