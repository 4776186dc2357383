// Manifest: what a blob is made of. Its digest is the blob's name (docs/decisions/0001).
//
//   digest = SHA-256("dure-blob-1\n" || size le64 || chunk_bytes le32 || chunk digests)
//
// A value. Large work meets it chunk by chunk: every chunk but the last has chunk_bytes bytes, and
// a chunk can be checked alone. An empty blob has no chunk.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "federation/bytes.h"
#include "federation/digest.h"
#include "federation/limits.h"

namespace dure::blob {

struct Manifest {
  uint64_t size = 0;
  uint32_t chunk_bytes = limits::kChunkBytes;
  std::vector<Digest> chunks;

  bool operator==(const Manifest&) const = default;

  Digest BlobDigest() const;
  uint64_t ChunkCount() const { return chunks.size(); }
  uint64_t ChunkOffset(uint64_t index) const { return index * chunk_bytes; }
  // The bytes of one chunk. REQUIRES: index < ChunkCount().
  size_t ChunkSize(uint64_t index) const;
  // Whether `bytes` are chunk `index`: the size and the SHA-256 agree. False for an index out of
  // range.
  bool ChunkMatches(uint64_t index, ByteView bytes) const;

  Bytes Encode() const;  // canonical: size le64, chunk_bytes le32, count le64, digests
  // Total. kInvalid: truncated, trailing bytes, a chunk size other than kChunkBytes, a size above
  // kBlobBytesMax or a count that does not fit the size.
  static Result<Manifest> Parse(ByteView bytes);
  // From digests that someone already computed (the codec hashes while it writes). kInvalid as
  // above.
  static Result<Manifest> Make(uint64_t size, std::vector<Digest> chunks);
};

// The manifest of bytes that arrive in order and in any pieces. Reusable after Finish.
class ManifestBuilder {
 public:
  ManifestBuilder& Update(ByteView bytes);
  Manifest Finish();

 private:
  Manifest manifest_;
  Sha256Hasher chunk_;
  size_t chunk_fill_ = 0;
};

Manifest ManifestOf(ByteView bytes);
// One pass over the file. kNotFound: no such file. kUnavailable: it cannot be read. Blocks: never
// on the loop.
Result<Manifest> ManifestOfFile(const std::string& path);

}  // namespace dure::blob
