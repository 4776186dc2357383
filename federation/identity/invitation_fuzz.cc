// An invitation is pasted by people: any text must be refused or read, and what is read is one
// text.
#include <cstddef>
#include <cstdint>

#include "federation/check.h"
#include "federation/identity/invitation.h"
#include "federation/identity/revocation.h"
#include "federation/identity/subject.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto invitation = dure::identity::ParseInvitation(text);
  if (invitation) {
    const auto again = dure::identity::ParseInvitation(invitation->text);
    DURE_CHECK(again && again->text == invitation->text, "one invitation has one text");
  }
  const auto subject = dure::identity::Subject::FromUri(text);
  DURE_CHECK(!subject || subject->ToUri() == text, "one subject has one URI");
  const auto order = dure::identity::RevocationOrder::Parse({data, size});
  if (order) {
    const dure::Bytes bytes = order->Encode();
    DURE_CHECK(dure::AsText(bytes) == text, "one order has one encoding");
  }
  (void)dure::identity::ParseAddress(text);
  return 0;
}
