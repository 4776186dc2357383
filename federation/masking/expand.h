// HKDF with SHA-256 (RFC 5869): extract, then expand. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>

#include "federation/bytes.h"

namespace dure::masking {

// Fills `out` from the secret. REQUIRES: out.size() is in [1, 8160], info.size() < 256.
void Expand(ByteView secret, ByteView salt, ByteView info, std::span<uint8_t> out);

}  // namespace dure::masking
