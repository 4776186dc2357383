// Memory that is planned before it is taken. Whatever needs buffers has one function that asks a
// MemoryPlan for them, and it is called twice: with an empty plan, which only sums up, and then
// with one over an arena of that size, which hands out the buffers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "federation/result.h"

namespace dure::model::cpu {

// One zeroed anonymous mapping, in huge pages where the kernel grants them. Movable; unmaps at its
// end.
class Arena {
 public:
  Arena() = default;
  // kExhausted: the kernel refused.
  static Result<Arena> Create(size_t bytes);
  Arena(Arena&& other) noexcept;
  Arena& operator=(Arena&& other) noexcept;
  ~Arena();

 private:
  friend class MemoryPlan;
  uint8_t* base_ = nullptr;
  size_t bytes_ = 0;
};

class MemoryPlan {
 public:
  MemoryPlan() = default;
  explicit MemoryPlan(const Arena& arena) : base_(arena.base_), bytes_max_(arena.bytes_) {}

  // A buffer of `count` floats at a multiple of 128 bytes (two cache lines: workers share none);
  // nullptr from an empty plan.
  float* Floats(uint64_t count);
  size_t bytes() const { return bytes_; }

 private:
  uint8_t* base_ = nullptr;
  size_t bytes_ = 0;
  size_t bytes_max_ = SIZE_MAX;
};

}  // namespace dure::model::cpu
