// Words for numbered choices: names by number, from 1 on. For the .cc files of this room.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "federation/result.h"

namespace dure::round {

template <typename E, size_t N>
Result<E> ParseChoice(const std::array<std::string_view, N>& names, std::string_view what,
                      std::string_view text) {
  std::string choices;
  for (size_t i = 1; i < N; ++i) {
    if (names[i] == text) return static_cast<E>(i);
    choices += (i > 1 ? ", " : "") + std::string(names[i]);
  }
  return Fail(ErrorCode::kInvalid, std::string(what) + " '" + std::string(text.substr(0, 64)) +
                                       "' is not one of: " + choices);
}

// EnumMax as in fields.h.
template <typename E>
bool IsChoice(E value) {
  const auto raw = static_cast<uint8_t>(value);
  return raw >= 1 && raw <= EnumMax(value);
}

}  // namespace dure::round
