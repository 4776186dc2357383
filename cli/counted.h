// How many of something, in English.
#pragma once

#include <cstdint>
#include <string>

namespace dure::cli {

// "1 round", "2 rounds".
inline std::string Counted(uint64_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

}  // namespace dure::cli
