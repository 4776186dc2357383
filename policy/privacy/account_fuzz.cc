// Privacy accounts from any bytes. What is taken must be written back the same.
#include <algorithm>

#include "federation/check.h"
#include "policy/privacy/account.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const dure::ByteView bytes(data, size);
  if (const auto account = dure::privacy::Account::Parse(bytes)) {
    const dure::Bytes again = account->Serialize();
    DURE_CHECK(std::equal(again.begin(), again.end(), bytes.begin(), bytes.end()),
               "one account, one encoding");
  }
  return 0;
}
