#include "model/cuda/device.h"

namespace dure::model::cuda {
namespace {

std::string Gibibytes(uint64_t bytes) { return std::to_string(bytes >> 30) + " GiB"; }

}  // namespace

Result<std::unique_ptr<Device>> Device::Open(const DeviceTable& table, uint32_t index) {
  char message[512] = {};
  OpenDevice* device = nullptr;
  if (table.open(index, &device, message, sizeof message) != 0) {
    return Fail(ErrorCode::kUnavailable, "GPU " + std::to_string(index) + ": " + message);
  }
  return std::unique_ptr<Device>(new Device(table, device));
}

Device::~Device() { table_.close(device_); }

Result<DeviceFacts> Device::Facts() {
  DeviceFacts facts{};
  Keep(table_.facts(device_, &facts));
  if (!status_) return Fail(status_.error());
  return facts;
}

std::string Device::Text() {
  const auto facts = Facts();
  if (!facts) return facts.error().message;
  return std::string(facts->name) + ", " + Gibibytes(facts->memory_free_bytes) + " free of " +
         Gibibytes(facts->memory_bytes);
}

Result<void*> Device::Allocate(uint64_t bytes) {
  if (!status_) return Fail(status_.error());
  void* memory = nullptr;
  if (table_.allocate(device_, bytes, &memory) != 0) {
    return Fail(ErrorCode::kExhausted, "the GPU has no " + std::to_string(bytes >> 20) +
                                           " MiB left: " + table_.error(device_));
  }
  return memory;
}

void Device::Release(void* memory) { table_.release(device_, memory); }

Status Device::Synchronize() {
  Keep(table_.synchronize(device_));
  return status_;
}

std::unique_ptr<Sequence> Device::Record(const std::function<void()>& work) {
  if (table_.record == nullptr || !status_ || table_.record(device_) != 0) return nullptr;
  work();
  OpenSequence* sequence = nullptr;
  const bool is_kept = table_.keep(device_, &sequence) == 0;
  // What failed was kept at most, and the device can go on.
  const bool is_whole = static_cast<bool>(status_);
  status_ = {};
  if (!is_kept) return nullptr;
  auto kept = std::make_unique<Sequence>(*this, sequence);
  return is_whole ? std::move(kept) : nullptr;
}

Status Device::WarmUp() {
  constexpr uint32_t kSide = 256;
  constexpr uint64_t kCount = uint64_t{kSide} * kSide;
  DURE_ASSIGN(void* const memory, Allocate(3 * kCount * sizeof(float)));
  auto* const numbers = static_cast<float*>(memory);
  Clear(numbers, 3 * kCount);
  for (const NumberType type : {NumberType::kFloat, NumberType::kBf16}) {
    Multiply({numbers, numbers + kCount, nullptr, numbers + 2 * kCount, kSide, kSide, kSide, kSide,
              kSide, kSide, 0, 1, type, type, 1.0F, 0.0F});
  }
  Launch<AddTo>({numbers, numbers + kCount, kCount});
  Status status = Synchronize();
  Release(memory);
  return status ? WarmUpAttention() : status;
}

// Heads that share keys and heads that do not are two graphs, of each width.
Status Device::WarmUpAttention() {
  constexpr uint64_t kBytes = uint64_t{32} << 20;
  DURE_ASSIGN(void* const memory, Allocate(kBytes));
  Clear(static_cast<uint8_t*>(memory), kBytes);
  auto* const numbers = static_cast<Bf16*>(memory);
  for (const uint32_t dim : {64U, 128U}) {
    for (const uint32_t kv_heads : {1U, 2U}) TryAttention(dim, kv_heads, numbers, kBytes);
  }
  const Status status = Synchronize();
  Release(memory);
  return status;
}

// Two heads over one sequence. A library that cannot compute what it has planned is not used.
void Device::TryAttention(uint32_t dim, uint32_t kv_heads, Bf16* numbers, uint64_t bytes) {
  constexpr uint32_t kSequence = 128;
  const uint64_t of_heads = uint64_t{kSequence} * 2 * dim;
  AttentionCall call{};
  call.batch = 1;
  call.sequence = kSequence;
  call.heads = 2;
  call.kv_heads = kv_heads;
  call.dim = dim;
  call.stride = (2 + 2 * kv_heads) * dim;
  call.scale = 1;
  call.q = numbers;
  call.k = numbers + 2 * dim;
  call.v = numbers + (2 + kv_heads) * dim;
  call.out = numbers + 3 * of_heads;
  call.dout = numbers + 4 * of_heads;
  call.dq = numbers + 5 * of_heads;
  call.dk = numbers + 5 * of_heads + 2 * dim;
  call.dv = numbers + 5 * of_heads + (2 + kv_heads) * dim;
  call.log_sum = reinterpret_cast<float*>(numbers + 8 * of_heads);
  call.scratch = numbers + 9 * of_heads;
  call.scratch_bytes = bytes - 9 * of_heads * sizeof(Bf16);
  if (!CanAttend(call)) return;
  AttentionCall forward = call;
  forward.dout = nullptr;
  attention_fails_ = table_.attend(device_, &forward) != 0 || table_.attend(device_, &call) != 0;
}

bool Device::CanAttend(const AttentionCall& call) {
  attention_text_ = "our own kernels (the table has no library)";
  if (attention_fails_) attention_text_ = "our own kernels (the library failed when it was tried)";
  if (!status_ || attention_fails_ || table_.prepare_attention == nullptr) return false;
  uint64_t bytes = 0;
  if (table_.prepare_attention(device_, &call, &bytes) != 0) {
    attention_text_ = std::string("our own kernels (") + table_.error(device_) + ")";
    return false;
  }
  if (bytes > call.scratch_bytes) {
    attention_text_ = "our own kernels (the library wants " + std::to_string(bytes >> 20) +
                      " MiB of scratch, there are " + std::to_string(call.scratch_bytes >> 20) +
                      ")";
    return false;
  }
  attention_text_ = "the library of the device";
  return true;
}

void Device::Keep(int result) {
  if (result == 0 || !status_) return;
  status_ = Fail(ErrorCode::kUnavailable, std::string("the GPU failed: ") + table_.error(device_));
}

}  // namespace dure::model::cuda
