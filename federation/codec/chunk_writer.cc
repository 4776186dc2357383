#include "federation/codec/chunk_writer.h"

#include <algorithm>

#include "federation/check.h"
#include "federation/limits.h"

namespace dure::codec {

uint64_t ChunkCount(uint64_t bytes) {
  return (bytes + limits::kChunkBytes - 1) / limits::kChunkBytes;
}

ChunkWriter::ChunkWriter(const OutputFile& file, std::vector<Digest>& digests, uint64_t begin)
    : file_(file), digests_(digests), offset_(begin) {
  DURE_CHECK(begin % limits::kChunkBytes == 0, "a stretch begins at a chunk");
  DURE_CHECK(digests.size() == ChunkCount(file.size()), "there is a digest a chunk");
}

Status ChunkWriter::Append(ByteView bytes) {
  DURE_TRY(file_.WriteAt(offset_, bytes));
  while (!bytes.empty()) {
    const uint64_t chunk = offset_ / limits::kChunkBytes;
    const uint64_t chunk_end = std::min((chunk + 1) * limits::kChunkBytes, file_.size());
    const size_t count = static_cast<size_t>(std::min<uint64_t>(bytes.size(), chunk_end - offset_));
    hasher_.Update(bytes.first(count));
    bytes = bytes.subspan(count);
    offset_ += count;
    if (offset_ == chunk_end) digests_[chunk] = hasher_.Finish();
  }
  return {};
}

}  // namespace dure::codec
