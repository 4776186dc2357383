// Signed notes, tree heads, cosignatures and verifier keys, from any bytes. What is taken must be
// written back the same.
#include "federation/check.h"
#include "policy/ledger/cosign.h"

namespace {

// Takes every signature, so that the fuzzer gets past it.
class Trusting final : public dure::Verifier {
 public:
  bool VerifyRaw(const dure::PublicKey&, dure::ByteView, dure::ByteView) const override {
    return true;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dure::ledger;
  const std::string_view text = dure::AsText({data, size});
  static const NoteKey key =
      *NoteKey::Parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
  if (const auto parsed = NoteKey::Parse(text))
    DURE_CHECK(parsed->Vkey() == text, "one key, one text");
  if (const auto head = TreeHead::Parse(text))
    DURE_CHECK(head->Text() == text, "one head, one text");
  if (const auto opened = OpenNote(text, {key}, Trusting())) {
    DURE_CHECK(text.starts_with(opened->text), "the signed text is the note's own");
  }
  if (const auto parsed = CosignerKey::Parse(text))
    DURE_CHECK(parsed->Vkey() == text, "one cosigner's key, one text");
  if (const auto cosignature = Cosignature::Parse(text)) {
    const std::string line = cosignature->Line();
    DURE_CHECK(line == text || line == std::string(text) + "\n", "one cosignature, one line");
  }
  static const CosignerKey cosigner = *CosignerKey::Make("witness.example/w1", key.key);
  if (const auto head = OpenCosigned(text, key, {cosigner}, Trusting())) {
    const auto again = OpenCosigned(head->Note(), key, {cosigner}, Trusting());
    DURE_CHECK(again && again->cosignatures == head->cosignatures, "what is kept opens again");
  }
  if (const auto head = OpenHead(text, key, Trusting())) {
    DURE_CHECK(head->head.origin == key.name, "a head is of its log");
  }
  return 0;
}
