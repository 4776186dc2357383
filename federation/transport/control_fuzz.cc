// What a peer may send on the control stream: any bytes. Parsing never crashes, and a message that
// is taken is packed again as the same message.
#include <cstddef>
#include <cstdint>

#include "dure/v1/control.pb.h"
#include "federation/check.h"
#include "federation/transport/convert.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dure::v1::ControlMessage carried;
  if (!carried.ParseFromArray(data, static_cast<int>(size))) return 0;
  const auto message = dure::transport::Unpack(carried.canonical());
  if (!message) return 0;
  const auto packed = dure::transport::Pack(*message);
  DURE_CHECK(packed && *packed == carried.canonical(), "one message has one form");
  return 0;
}
