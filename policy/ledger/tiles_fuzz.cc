// Tile paths and entry bundles, from any bytes.
#include "federation/check.h"
#include "policy/ledger/tiles.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dure::ledger;
  const dure::ByteView bytes(data, size);
  if (const auto path = TilePath::Parse(dure::AsText(bytes))) {
    DURE_CHECK(path->Text() == dure::AsText(bytes), "one tile, one path");
  }
  if (size == 0) return 0;
  const auto bundle = DecodeBundle(bytes.subspan(1), data[0]);
  if (bundle) {
    const dure::Bytes again = EncodeBundle(*bundle);
    DURE_CHECK(std::equal(again.begin(), again.end(), bytes.begin() + 1, bytes.end()),
               "one bundle, one form");
  }
  return 0;
}
