// What precedes a rank's bytes on a socket: which step of which call they belong to.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "federation/bytes.h"

namespace dure::model::collective {

struct Frame {
  uint32_t kind = 0;
  uint64_t number = 0;
  uint64_t size = 0;  // of the whole call: both ends know their share of it
  bool operator==(const Frame&) const = default;
};

inline constexpr size_t kFrameBytes = 24;

std::array<uint8_t, kFrameBytes> ToBytes(const Frame& frame);
// nullopt: not a frame. REQUIRES: bytes.size() == kFrameBytes.
std::optional<Frame> ParseFrame(ByteView bytes);

}  // namespace dure::model::collective
