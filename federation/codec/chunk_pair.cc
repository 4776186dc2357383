#include "federation/codec/chunk_pair.h"

#include <cstdlib>

#include "federation/check.h"
#include "federation/codec/files.h"

namespace dure::codec {

void ChunkPair::Free::operator()(uint8_t* bytes) const { std::free(bytes); }

ChunkPair::Memory ChunkPair::NewMemory() {
  Memory memory(static_cast<uint8_t*>(std::aligned_alloc(kDirectBytes, limits::kChunkBytes)));
  DURE_CHECK(memory != nullptr, "a thread has memory for its chunk");
  return memory;
}

ChunkPair& ChunkPair::OfThisThread() {
  thread_local ChunkPair pair;
  return pair;
}

void ChunkPair::Begin(bool has_second) {
  size_ = 0;
  if (has_second_ != has_second) Finish();  // what an error left behind
  has_second_ = has_second;
  Finish();
}

std::array<std::span<uint8_t>, 2> ChunkPair::Room(size_t bytes) {
  DURE_CHECK(bytes <= limits::kChunkBytes - size_, "a chunk takes no more than its size");
  return {std::span(sides_[0].get() + size_, bytes),
          std::span(sides_[1].get() + size_, has_second_ ? bytes : 0)};
}

void ChunkPair::Take(size_t bytes) {
  const auto [first, second] = Room(bytes);
  size_ += bytes;
  if (has_second_) {
    paired_.Update(first, second);
  } else {
    single_.Update(first);
  }
}

std::array<Digest, 2> ChunkPair::Finish() {
  if (has_second_) return paired_.Finish();
  return {single_.Finish(), Digest{}};
}

}  // namespace dure::codec
