#include "federation/codec/chunk_group.h"

#include <sys/mman.h>

#include <cstdlib>

#include "federation/check.h"

namespace dure::codec {
namespace {

constexpr size_t kGroupBytes = ChunkGroup::kChunks * limits::kChunkBytes;
constexpr size_t kHugeBytes = size_t{2} << 20;  // of the pages asked for: a fault for 512

}  // namespace

ChunkGroup::ChunkGroup()
    : memory_(static_cast<uint8_t*>(std::aligned_alloc(kHugeBytes, kGroupBytes))) {
  DURE_CHECK(memory_ != nullptr, "a thread has memory for its chunks");
  ::madvise(memory_, kGroupBytes, MADV_HUGEPAGE);  // a hint
}

ChunkGroup::~ChunkGroup() { std::free(memory_); }

ChunkGroup& ChunkGroup::OfThisThread() {
  thread_local ChunkGroup group;
  return group;
}

void ChunkGroup::Begin() {
  if (filled_ != 0) (void)hasher_.Finish();  // what an error left behind
  filled_ = 0;
}

void ChunkGroup::Take() {
  DURE_CHECK(filled_ + kStepBytes <= limits::kChunkBytes, "a chunk takes no more than its size");
  WideHasher::Fronts fronts;
  for (size_t i = 0; i < kChunks; ++i) fronts[i] = chunk(i).data() + filled_;
  hasher_.Update(fronts, kStepBytes);
  filled_ += kStepBytes;
}

std::array<Digest, ChunkGroup::kChunks> ChunkGroup::Finish() {
  DURE_CHECK(filled_ == limits::kChunkBytes, "all of every chunk is filled");
  filled_ = 0;
  return hasher_.Finish();
}

}  // namespace dure::codec
