// One 1 MiB chunk of a model and of its momentum, made in memory: filled from the front, hashed
// while it is in cache, then written at once. One a thread, reused: its pages are touched once.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "federation/bytes.h"
#include "federation/codec/paired_hash.h"
#include "federation/digest.h"
#include "federation/limits.h"

namespace dure::codec {

class ChunkPair {
 public:
  static ChunkPair& OfThisThread();

  // Memory of a chunk's size for what a chunk is made from; its address is a multiple of
  // kDirectBytes.
  std::span<uint8_t> Source() { return {source_.get(), limits::kChunkBytes}; }
  // Empty again. Without a second side only the first is filled and hashed.
  void Begin(bool has_second);
  // Room behind what is taken, one span a side (the second empty if there is none).
  // REQUIRES: it fits the chunk.
  std::array<std::span<uint8_t>, 2> Room(size_t bytes);
  // The next `bytes` of each side have been filled.
  void Take(size_t bytes);
  // The digests of what was taken; the second is void if there is no second side.
  std::array<Digest, 2> Finish();
  // What was taken, until Begin. Its address is a multiple of kDirectBytes.
  ByteView bytes(size_t side) const { return {sides_[side].get(), size_}; }

 private:
  struct Free {
    void operator()(uint8_t* bytes) const;
  };
  using Memory = std::unique_ptr<uint8_t, Free>;
  static Memory NewMemory();

  std::array<Memory, 2> sides_ = {NewMemory(), NewMemory()};
  Memory source_ = NewMemory();
  size_t size_ = 0;
  bool has_second_ = false;
  PairedHasher paired_;
  Sha256Hasher single_;
};

}  // namespace dure::codec
