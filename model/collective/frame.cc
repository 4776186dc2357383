#include "model/collective/frame.h"

#include <algorithm>

#include "federation/canonical.h"

namespace dure::model::collective {
namespace {

constexpr uint32_t kMagic = 0x65727564;  // "dure"

}  // namespace

std::array<uint8_t, kFrameBytes> ToBytes(const Frame& frame) {
  const Bytes bytes =
      CanonicalWriter().U32(kMagic).U32(frame.kind).U64(frame.number).U64(frame.size).Take();
  std::array<uint8_t, kFrameBytes> fixed;
  std::ranges::copy(bytes, fixed.begin());
  return fixed;
}

std::optional<Frame> ParseFrame(ByteView bytes) {
  CanonicalReader reader(bytes);
  const uint32_t magic = reader.U32();
  Frame frame;
  frame.kind = reader.U32();
  frame.number = reader.U64();
  frame.size = reader.U64();
  if (!reader.ok() || reader.remaining() != 0 || magic != kMagic) return std::nullopt;
  return frame;
}

}  // namespace dure::model::collective
