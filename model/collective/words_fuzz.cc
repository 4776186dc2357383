// Any bytes as what a rank sends before its data: refused, or read and written unchanged.
#include <algorithm>

#include "federation/check.h"
#include "model/collective/frame.h"
#include "model/collective/join.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dure::model::collective;
  const dure::ByteView bytes(data, size);
  if (const auto hello = ParseHello(bytes)) {
    DURE_CHECK(std::ranges::equal(ToBytes(*hello), bytes), "a hello reads back");
  }
  if (const auto frame = ParseFrame(bytes)) {
    DURE_CHECK(std::ranges::equal(ToBytes(*frame), bytes), "a frame reads back");
  }
  return 0;
}
