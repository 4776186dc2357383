// Raw little-endian bytes seen as the values they are. For the codec's own files.
#pragma once

#include <cstdint>

#include "federation/check.h"

namespace dure::codec {

// REQUIRES: the address suits T; mapped files and our own buffers do.
template <typename T>
const T* Typed(const uint8_t* bytes) {
  DURE_CHECK(reinterpret_cast<uintptr_t>(bytes) % alignof(T) == 0, "values stand aligned");
  return reinterpret_cast<const T*>(bytes);
}
template <typename T>
T* Typed(uint8_t* bytes) {
  DURE_CHECK(reinterpret_cast<uintptr_t>(bytes) % alignof(T) == 0, "values stand aligned");
  return reinterpret_cast<T*>(bytes);
}

}  // namespace dure::codec
