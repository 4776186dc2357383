// Byte strings and their text forms.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "federation/result.h"

namespace dure {

using Bytes = std::vector<uint8_t>;
using ByteView = std::span<const uint8_t>;

inline ByteView AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
inline std::string_view AsText(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes ToBytes(std::string_view text) {
  const ByteView view = AsBytes(text);
  return {view.begin(), view.end()};
}

std::string ToHex(ByteView bytes);                       // lower case
Result<Bytes> FromHex(std::string_view text);            // kInvalid: odd length or not a hex digit
std::string ToBase64(ByteView bytes);                    // standard alphabet, padded
std::string ToBase64Url(ByteView bytes);                 // URL alphabet, no padding
// Accepts either alphabet, padded or not; kInvalid on any other character or impossible length.
Result<Bytes> FromBase64(std::string_view text);

}  // namespace dure
