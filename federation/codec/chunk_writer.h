// Writes one stretch of a blob from its beginning to its end and hashes each 1 MiB chunk on the
// way, while the bytes are still in cache. One writer a worker and stretch; stretches begin at
// chunk boundaries, so writers share nothing but the vector of digests, each its own elements.
#pragma once

#include <cstdint>
#include <vector>

#include "federation/bytes.h"
#include "federation/codec/files.h"
#include "federation/digest.h"
#include "federation/result.h"

namespace dure::codec {

uint64_t ChunkCount(uint64_t bytes);

class ChunkWriter {
 public:
  // REQUIRES: begin is a chunk boundary of `file`; digests has ChunkCount(file.size()) elements;
  // both outlive this.
  ChunkWriter(const OutputFile& file, std::vector<Digest>& digests, uint64_t begin);

  // Appends. A chunk's digest is stored when its last byte has come. Errors of WriteAt.
  Status Append(ByteView bytes);

 private:
  const OutputFile& file_;
  std::vector<Digest>& digests_;
  uint64_t offset_;
  Sha256Hasher hasher_;
};

}  // namespace dure::codec
