#include "model/cpu/memory_plan.h"

#include <sys/mman.h>

#include <string>
#include <utility>

#include "federation/check.h"

namespace dure::model::cpu {

Result<Arena> Arena::Create(size_t bytes) {
  Arena arena;
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
  void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (base == MAP_FAILED) {
    return Fail(ErrorCode::kExhausted,
                "cannot map the " + std::to_string(bytes >> 20) + " MiB that the model needs");
  }
  arena.base_ = static_cast<uint8_t*>(base);
  arena.bytes_ = bytes;
  // Advice only: without huge pages everything works, with more page-table misses.
  (void)madvise(base, bytes, MADV_HUGEPAGE);
  return arena;
}

Arena::Arena(Arena&& other) noexcept { *this = std::move(other); }

Arena& Arena::operator=(Arena&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Arena::~Arena() {
  if (base_ != nullptr) munmap(base_, bytes_);
}

float* MemoryPlan::Floats(uint64_t count) {
  const size_t offset = bytes_;
  bytes_ += (count * sizeof(float) + 127) / 128 * 128;
  DURE_CHECK(bytes_ <= bytes_max_, "the arena was sized by the same plan");
  return base_ == nullptr ? nullptr : reinterpret_cast<float*>(base_ + offset);
}

}  // namespace dure::model::cpu
