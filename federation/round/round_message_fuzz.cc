// Any bytes: a message that decodes has exactly these bytes; states and manifests never crash.
#include <cstdint>
#include <cstdlib>

#include "federation/round/participation.h"
#include "federation/round/round.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dure;  // NOLINT: one function.
  const ByteView bytes(data, size);
  if (const auto message = round::DecodeMessage(bytes)) {
    if (round::EncodeMessage(*message) != Bytes(bytes.begin(), bytes.end())) std::abort();
  }
  if (const auto manifest = round::RunManifest::Parse(bytes)) {
    if (manifest->Canonical() != Bytes(bytes.begin(), bytes.end())) std::abort();
  }
  (void)round::Rounds::Load(bytes, MonoTime{});
  (void)round::Participation::Load(bytes);
  return 0;
}
