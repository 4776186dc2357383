// 32 secret bytes: a private key, a seed, a share. Wiped when the object ends; never printed.
#pragma once

#include <string.h>

#include <array>
#include <cstdint>

#include "federation/bytes.h"

namespace dure::masking {

struct Secret {
  std::array<uint8_t, 32> bytes{};

  Secret() = default;
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  ~Secret() { ::explicit_bzero(bytes.data(), bytes.size()); }

  ByteView View() const { return bytes; }
};

// Whether two secrets are equal, in a time that does not depend on them.
bool SameSecret(const Secret& a, const Secret& b);

}  // namespace dure::masking
