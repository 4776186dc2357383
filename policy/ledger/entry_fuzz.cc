// Entries (envelope, statement, event) and bare statements, from any bytes. An event that is taken
// must survive being sealed again.
#include "federation/check.h"
#include "federation/limits.h"
#include "policy/ledger/dsse.h"
#include "policy/ledger/events.h"
#include "policy/ledger/json_tree.h"

namespace {

class Blank final : public dure::Signer {
 public:
  explicit Blank(const dure::PublicKey& key) : key_(key) {}
  dure::PublicKey Key() const override { return key_; }
  dure::Signature SignRaw(dure::ByteView) const override { return {}; }

 private:
  dure::PublicKey key_;
};

void Check(dure::ByteView entry) {
  using namespace dure::ledger;
  const auto opened = ParseEntry(entry);
  if (!opened) return;
  const auto sealed = SealRecord(opened->record, Blank(opened->record.actor.key));
  if (!sealed) {
    DURE_CHECK(sealed.error().code == dure::ErrorCode::kExhausted,
               "what was read can be written, if it fits");
    return;
  }
  const auto again = ParseEntry(sealed->bytes);
  DURE_CHECK(again && again->record == opened->record, "an event means the same when sealed again");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dure::ledger;
  if (size <= dure::limits::kEntryBytesMax) {
    const auto quick = ParseEnvelope({data, size});
    const auto strict = ParseEnvelopeJson({data, size});
    DURE_CHECK(quick.has_value() == strict.has_value(), "two readers agree on what is an envelope");
    DURE_CHECK(!quick || *quick == *strict, "two readers read the same from it");
    const std::string_view text = dure::AsText({data, size});
    DURE_CHECK(ParseStrictJson(text) == ParseAnyJson(text), "two readers agree on any JSON");
  }
  Check({data, size});
  // The same bytes as a statement: base64 would hide its JSON from the fuzzer.
  if (size < 40000) Check(SealEnvelope(kInTotoPayloadType, {data, size}, "", Blank({})));
  return 0;
}
