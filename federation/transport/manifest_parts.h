// A manifest on the wire, in parts that fit a message. Private to this room.
#pragma once

#include <algorithm>
#include <string>

#include "dure/v1/data.pb.h"
#include "federation/blob/manifest.h"
#include "federation/canonical.h"

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

// The size of the blob, from the first bytes of its manifest. kInvalid: no manifest of
// `encoded_bytes` begins so.
inline Result<uint64_t> BlobSizeIn(ByteView begun, uint64_t encoded_bytes) {
  CanonicalReader reader(begun);
  const uint64_t size = reader.U64();
  const uint64_t chunk_bytes = reader.U32();
  const uint64_t count = reader.U64();
  const uint64_t header_bytes = begun.size() - reader.remaining();
  const bool fits = reader.ok() && chunk_bytes == limits::kChunkBytes &&
                    size <= limits::kBlobBytesMax &&
                    count == (size + chunk_bytes - 1) / chunk_bytes &&
                    encoded_bytes == header_bytes + count * sizeof(Digest);
  if (!fits) return Fail(ErrorCode::kInvalid, "a manifest that does not fit its blob");
  return size;
}

// `read(&part)` returns false at the end. Once a manifest of several parts has begun, `may_go_on`
// is asked about the size of its blob, and its refusal returned. kInvalid: not a manifest;
// kExhausted: above kManifestBytesMax.
template <typename Read, typename MayGoOn>
Result<blob::Manifest> ReadManifest(Read read, MayGoOn may_go_on) {
  Bytes encoded;
  uint64_t total_bytes = 0;
  v1::ManifestPart part;
  while (read(&part)) {
    const bool first = encoded.empty();
    if (first) total_bytes = part.total_bytes();
    if (total_bytes > kManifestBytesMax) {
      return Fail(ErrorCode::kExhausted,
                  "a manifest of " + std::to_string(total_bytes) + " bytes is above the limit");
    }
    if (part.part().empty() || part.total_bytes() != total_bytes ||
        encoded.size() + part.part().size() > total_bytes) {
      return Fail(ErrorCode::kInvalid, "a manifest that is not as long as it says");
    }
    const ByteView bytes = AsBytes(part.part());
    encoded.insert(encoded.end(), bytes.begin(), bytes.end());
    if (first && encoded.size() < total_bytes) {
      DURE_ASSIGN(const uint64_t size, BlobSizeIn(encoded, total_bytes));
      DURE_TRY(may_go_on(size));
    }
  }
  return blob::Manifest::Parse(encoded);
}

}  // namespace dure::transport
