// AES-256-GCM for a message under a key of its own: each key seals once, so the IV is zero.
// Pure; any thread.
#pragma once

#include "federation/bytes.h"
#include "federation/masking/secret.h"

namespace dure::masking {

inline constexpr size_t kSealTagBytes = 16;

// Ciphertext, then the tag. `associated` is authenticated and not sent.
// REQUIRES: `key` never sealed before, save for the same bytes.
Bytes Seal(const Secret& key, ByteView associated, ByteView plain);

// kInvalid: not what Seal made with this key and these associated bytes; nothing is given out.
Result<Bytes> Unseal(const Secret& key, ByteView associated, ByteView sealed);

// The same with an IV that the caller keeps unique; what the others stand on.
Bytes SealWith(ByteView key32, ByteView iv12, ByteView associated, ByteView plain);

}  // namespace dure::masking
