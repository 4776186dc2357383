// A manifest on the wire, in parts that fit a message. Private to this room.
#pragma once

#include <algorithm>
#include <string>

#include "dure/v1/data.pb.h"
#include "federation/blob/manifest.h"

namespace dure::transport {

// 2 Mi chunks: blobs up to 2 TiB. Above that one peer could make us hold more than we grant it.
inline constexpr uint64_t kManifestBytesMax = uint64_t{64} << 20;

// A blob of so few chunks moves in one call, its manifest with it: another would cost more than
// they.
inline constexpr uint64_t kAtOnceChunks = 2;

// `write(part)` returns false when the link is gone.
template <typename Write>
bool WriteManifest(const blob::Manifest& manifest, Write write) {
  const Bytes encoded = manifest.Encode();
  for (size_t at = 0; at < encoded.size();) {
    const size_t take = std::min(encoded.size() - at, limits::kChunkBytes);
    v1::ManifestPart part;
    part.set_total_bytes(encoded.size());
    part.set_part(encoded.data() + at, take);
    if (!write(part)) return false;
    at += take;
  }
  return true;
}

// `read(&part)` returns false at the end. kInvalid: not a manifest; kExhausted: above
// kManifestBytesMax.
template <typename Read>
Result<blob::Manifest> ReadManifest(Read read) {
  Bytes encoded;
  v1::ManifestPart part;
  while (read(&part)) {
    if (part.total_bytes() > kManifestBytesMax) {
      return Fail(ErrorCode::kExhausted, "a manifest of " + std::to_string(part.total_bytes()) +
                                             " bytes is above the limit");
    }
    if (encoded.size() + part.part().size() > part.total_bytes()) {
      return Fail(ErrorCode::kInvalid, "a manifest longer than it says");
    }
    const ByteView bytes = AsBytes(part.part());
    encoded.insert(encoded.end(), bytes.begin(), bytes.end());
  }
  return blob::Manifest::Parse(encoded);
}

}  // namespace dure::transport
