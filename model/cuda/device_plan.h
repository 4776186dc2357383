// Device memory that is planned before it is taken: as cpu/memory_plan.h, with the numbers' types.
// Whatever needs buffers has one function that asks a plan for them; it is called with an empty
// plan to sum up and with one over an arena to hand out.
#pragma once

#include <cstdint>

#include "federation/result.h"
#include "model/cuda/device.h"

namespace dure::model::cuda {

// One allocation. Its content is unspecified. REQUIRES: the device outlives it.
class DeviceArena {
 public:
  static Result<DeviceArena> Create(Device& device, uint64_t bytes) {
    DURE_ASSIGN(void* const memory, device.Allocate(bytes));
    return DeviceArena(device, memory);
  }
  DeviceArena(DeviceArena&& other) noexcept : device_(other.device_), memory_(other.memory_) {
    other.memory_ = nullptr;
  }
  DeviceArena& operator=(DeviceArena&&) = delete;
  ~DeviceArena() {
    if (memory_ != nullptr) device_.Release(memory_);
  }
  uint8_t* memory() const { return static_cast<uint8_t*>(memory_); }

 private:
  DeviceArena(Device& device, void* memory) : device_(device), memory_(memory) {}

  Device& device_;
  void* memory_;
};

class DevicePlan {
 public:
  DevicePlan() = default;
  explicit DevicePlan(const DeviceArena& arena) : base_(arena.memory()) {}

  // A buffer at a multiple of 256 bytes; nullptr from an empty plan.
  template <typename V>
  V* Take(uint64_t count) {
    const uint64_t at = bytes_;
    bytes_ += (count * sizeof(V) + 255) / 256 * 256;
    return base_ == nullptr ? nullptr : reinterpret_cast<V*>(base_ + at);
  }
  uint64_t bytes() const { return bytes_; }

 private:
  uint8_t* base_ = nullptr;
  uint64_t bytes_ = 0;
};

}  // namespace dure::model::cuda
