// A device as the engine uses it: memory, copies, kernels and matrix products on one queue, through
// a table (table.h). Made by OpenCudaDevice (plugin.h) or, in tests, by the emulated one.
//
// Work is queued and errors may come late: the first one stays, every later call returns it, and
// Status of Synchronize or CopyOut tells it (kUnavailable: the device is gone or has failed; the
// process should end). Not for two threads at once.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "federation/result.h"
#include "model/cuda/kernels/list.h"
#include "model/cuda/table.h"

namespace dure::model::cuda {

template <typename T>
inline constexpr NumberType kTypeOf = NumberType::kFloat;
template <>
inline constexpr NumberType kTypeOf<Bf16> = NumberType::kBf16;

class Sequence;

class Device {
 public:
  // kUnavailable: there is no such device, or it cannot be used, with the reason.
  static Result<std::unique_ptr<Device>> Open(const DeviceTable& table, uint32_t index);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const DeviceTable& table() const { return table_; }
  OpenDevice* handle() const { return device_; }
  // "NVIDIA H200, 139 GiB free of 140": for people.
  std::string Text();
  Result<DeviceFacts> Facts();

  // kExhausted: the device has no such memory. Its content is unspecified.
  Result<void*> Allocate(uint64_t bytes);
  void Release(void* memory);

  template <typename T>
  void CopyIn(T* to, std::span<const T> from) {
    Keep(table_.copy_in(device_, to, from.data(), from.size_bytes()));
  }
  template <typename T>
  Status CopyOut(std::span<T> to, const T* from) {
    Keep(table_.copy_out(device_, to.data(), from, to.size_bytes()));
    return status_;
  }
  template <typename T>
  void Copy(T* to, const T* from, uint64_t count) {
    Keep(table_.copy(device_, to, from, count * sizeof(T)));
  }
  template <typename T>
  void Clear(T* memory, uint64_t count) {
    Keep(table_.clear(device_, memory, count * sizeof(T)));
  }
  template <typename Kernel>
  void Launch(const typename Kernel::Args& args) {
    Keep(table_.launch(device_, kNumberOf<Kernel>, &args, sizeof args));
  }
  // Keeps the launches of `work` instead of running them, to be run as one; null where the device
  // cannot, or where `work` did more than launch. REQUIRES: its kernels have run before.
  std::unique_ptr<Sequence> Record(const std::function<void()>& work);
  // From here on every product gives the same bits in every process, at some cost of time.
  void WantSameBits() {
    if (table_.set_same_bits != nullptr) table_.set_same_bits(device_, 1);
  }
  // Whether the device's library computes attention of this shape, and its gradients where dout is
  // not null, in at most call.scratch_bytes; only the shape, the scratch's size and dout are looked
  // at.
  bool CanAttend(const AttentionCall& call);
  // Who computes it, as CanAttend found last, and why: for people.
  const std::string& attention_text() const { return attention_text_; }
  // REQUIRES: CanAttend of the same.
  void Attend(const AttentionCall& call) { Keep(table_.attend(device_, &call)); }
  void Multiply(const Gemm& gemm) { Keep(table_.gemm(device_, &gemm)); }
  Status Synchronize();
  // Whether a call has failed, and all later ones with it.
  bool has_failed() const { return !status_; }
  // Uses each part of the device once, so that its libraries have opened what they open: for a
  // process that may open nothing later.
  Status WarmUp();

 private:
  Device(const DeviceTable& table, OpenDevice* device) : table_(table), device_(device) {}
  void Keep(int result);
  Status WarmUpAttention();
  void TryAttention(uint32_t dim, uint32_t kv_heads, Bf16* numbers, uint64_t bytes);

  const DeviceTable& table_;
  OpenDevice* const device_;
  Status status_;  // the first error
  std::string attention_text_ = "our own kernels";
  bool attention_fails_ = false;  // the library did, when it was tried

  friend class Sequence;
};

// Of launches, with the arguments they had. REQUIRES: the device outlives it.
class Sequence {
 public:
  Sequence(Device& device, OpenSequence* sequence) : device_(device), sequence_(sequence) {}
  ~Sequence() { device_.table_.forget(device_.device_, sequence_); }
  Sequence(const Sequence&) = delete;
  Sequence& operator=(const Sequence&) = delete;

  void Replay() { device_.Keep(device_.table_.replay(device_.device_, sequence_)); }

 private:
  Device& device_;
  OpenSequence* const sequence_;
};

}  // namespace dure::model::cuda
