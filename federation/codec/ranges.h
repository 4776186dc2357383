// Parts of whole vectors. Private to this room.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "federation/codec/lane.h"
#include "federation/result.h"

namespace dure::codec {

// Parameters worked on at a time: what is written stays in the second-level cache until it is
// hashed.
inline constexpr uint64_t kPieceParameters = 64 * kBlockParameters;

inline Status Require(bool fits, std::string_view what) {
  if (!fits) return Fail(ErrorCode::kInvalid, std::string(what));
  return {};
}

// The scales of the blocks of a range that begins at a block.
template <typename T>
std::span<T> OfBlocks(std::span<T> values, Range range) {
  return values.subspan(range.begin / kBlockParameters, BlockCount(range.size()));
}

template <typename T>
std::span<T> Of(std::span<T> values, Range range) {
  return values.empty() ? values : values.subspan(range.begin, range.size());
}

}  // namespace dure::codec
