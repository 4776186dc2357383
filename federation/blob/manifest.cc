#include "federation/blob/manifest.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "federation/canonical.h"
#include "federation/check.h"

namespace dure::blob {
namespace {

uint64_t ChunksOf(uint64_t size, uint64_t chunk_bytes) {
  return size / chunk_bytes + (size % chunk_bytes != 0 ? 1 : 0);
}

Status Validate(const Manifest& manifest) {
  if (manifest.chunk_bytes != limits::kChunkBytes) {
    return Fail(ErrorCode::kInvalid, "manifest: chunks of " + std::to_string(manifest.chunk_bytes) +
                                         " bytes, not 1 MiB");
  }
  if (manifest.size > limits::kBlobBytesMax) {
    return Fail(ErrorCode::kInvalid, "manifest: a blob of " + std::to_string(manifest.size) +
                                         " bytes is above the limit");
  }
  if (manifest.chunks.size() != ChunksOf(manifest.size, manifest.chunk_bytes)) {
    return Fail(ErrorCode::kInvalid, "manifest: " + std::to_string(manifest.chunks.size()) +
                                         " chunks do not fit " + std::to_string(manifest.size) +
                                         " bytes");
  }
  return {};
}

}  // namespace

Digest Manifest::BlobDigest() const {
  CanonicalWriter head;
  head.U64(size).U32(chunk_bytes);
  Sha256Hasher hasher;
  hasher.Update("dure-blob-1\n").Update(head.bytes());
  for (const Digest& chunk : chunks) hasher.Update(chunk.View());
  return hasher.Finish();
}

size_t Manifest::ChunkSize(uint64_t index) const {
  DURE_CHECK(index < chunks.size(), "the caller checks the index");
  return std::min<uint64_t>(chunk_bytes, size - ChunkOffset(index));
}

bool Manifest::ChunkMatches(uint64_t index, ByteView bytes) const {
  return index < chunks.size() && bytes.size() == ChunkSize(index) &&
         Sha256(bytes) == chunks[index];
}

Bytes Manifest::Encode() const {
  CanonicalWriter writer;
  writer.U64(size).U32(chunk_bytes).U64(chunks.size());
  for (const Digest& chunk : chunks) writer.Raw32(chunk);
  return writer.Take();
}

Result<Manifest> Manifest::Parse(ByteView bytes) {
  CanonicalReader reader(bytes);
  Manifest manifest;
  manifest.size = reader.U64();
  manifest.chunk_bytes = reader.U32();
  const uint64_t count = reader.U64();
  // Before the count is believed: exactly that many digests follow.
  if (!reader.ok() || reader.remaining() % sizeof(Digest) != 0 ||
      count != reader.remaining() / sizeof(Digest)) {
    return Fail(ErrorCode::kInvalid, "manifest: the chunk count does not fit its bytes");
  }
  manifest.chunks.reserve(count);
  for (uint64_t i = 0; i < count; ++i) manifest.chunks.push_back(reader.Raw32());
  DURE_TRY(reader.Done("manifest"));
  DURE_TRY(Validate(manifest));
  return manifest;
}

Result<Manifest> Manifest::Make(uint64_t size, std::vector<Digest> chunks) {
  Manifest manifest;
  manifest.size = size;
  manifest.chunks = std::move(chunks);
  DURE_TRY(Validate(manifest));
  return manifest;
}

ManifestBuilder& ManifestBuilder::Update(ByteView bytes) {
  manifest_.size += bytes.size();
  while (!bytes.empty()) {
    const size_t take = std::min(bytes.size(), manifest_.chunk_bytes - chunk_fill_);
    chunk_.Update(bytes.first(take));
    chunk_fill_ += take;
    bytes = bytes.subspan(take);
    if (chunk_fill_ == manifest_.chunk_bytes) {
      manifest_.chunks.push_back(chunk_.Finish());
      chunk_fill_ = 0;
    }
  }
  return *this;
}

Manifest ManifestBuilder::Finish() {
  if (chunk_fill_ > 0) manifest_.chunks.push_back(chunk_.Finish());
  chunk_fill_ = 0;
  Manifest done = std::move(manifest_);
  manifest_ = Manifest{};
  return done;
}

Manifest ManifestOf(ByteView bytes) { return ManifestBuilder().Update(bytes).Finish(); }

Result<Manifest> ManifestOfFile(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    return Fail(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
                path + ": " + std::strerror(errno));
  }
  ManifestBuilder builder;
  Bytes buffer(limits::kChunkBytes);
  while (true) {
    const ssize_t got = ::read(file, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const std::string why = std::strerror(errno);
      ::close(file);
      return Fail(ErrorCode::kUnavailable, path + ": " + why);
    }
    if (got == 0) break;
    builder.Update(ByteView(buffer).first(static_cast<size_t>(got)));
  }
  ::close(file);
  return builder.Finish();
}

}  // namespace dure::blob
