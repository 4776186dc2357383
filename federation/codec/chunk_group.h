// Sixteen 1 MiB chunks made in memory together: filled from the front alike, hashed while what was
// filled is in cache, then written. One a thread, reused: its pages are touched once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "federation/codec/wide_hash.h"
#include "federation/limits.h"

namespace dure::codec {

class ChunkGroup {
 public:
  static constexpr size_t kChunks = WideHasher::kMessages;
  // Filled and hashed at a time: sixteen of them stay in the second-level cache.
  static constexpr size_t kStepBytes = size_t{32} << 10;

  static ChunkGroup& OfThisThread();
  ~ChunkGroup();
  ChunkGroup(const ChunkGroup&) = delete;
  ChunkGroup& operator=(const ChunkGroup&) = delete;

  // Empty again.
  void Begin();
  // A whole chunk's memory; its address is a multiple of kDirectBytes.
  std::span<uint8_t> chunk(size_t index) const {
    return {memory_ + index * limits::kChunkBytes, limits::kChunkBytes};
  }
  // Where the next step of each chunk begins.
  size_t filled() const { return filled_; }
  // The next kStepBytes of all chunks have been filled.
  void Take();
  // REQUIRES: all is filled.
  std::array<Digest, kChunks> Finish();

 private:
  ChunkGroup();

  uint8_t* memory_ = nullptr;
  size_t filled_ = 0;
  WideHasher hasher_;
};

}  // namespace dure::codec
