// tlog-proof files, from any bytes.
#include "federation/check.h"
#include "policy/ledger/receipt.h"

namespace {

class AnySignature final : public dure::Verifier {
 public:
  bool VerifyRaw(const dure::PublicKey&, dure::ByteView, dure::ByteView) const override {
    return true;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dure::ledger;
  static const NoteKey key{"log", {}};
  const auto receipt = ParseTlogProof(dure::AsText({data, size}), key, AnySignature());
  if (!receipt) return 0;
  const auto again = ParseTlogProof(receipt->ToTlogProof(), key, AnySignature());
  DURE_CHECK(again && again->inclusion == receipt->inclusion && again->index == receipt->index,
             "what was read can be written and read");
  (void)VerifyReceipt({}, *receipt, key, AnySignature());
  return 0;
}
