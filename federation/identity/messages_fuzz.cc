// Requests come from peers without a certificate: any bytes must be refused or read, and read bytes
// are the only encoding of what they say.
#include <cstddef>
#include <cstdint>

#include "federation/check.h"
#include "federation/identity/messages.h"

namespace {

template <typename T>
void Read(dure::ByteView bytes) {
  const auto message = T::Parse(bytes);
  if (!message) return;
  const dure::Bytes again = message->Encode();
  DURE_CHECK(dure::AsText(again) == dure::AsText(bytes), "one message has one encoding");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Read<dure::identity::EnrolmentRequest>({data, size});
  Read<dure::identity::RenewalRequest>({data, size});
  Read<dure::identity::Credentials>({data, size});
  return 0;
}
