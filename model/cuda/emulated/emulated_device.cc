#include "model/cuda/emulated/emulated_device.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "model/cuda/emulated/emulated_attention.h"
#include "model/cuda/emulated/host_block.h"
#include "model/cuda/kernels/list.h"

namespace dure::model::cuda {

struct OpenSequence {
  struct Launched {
    uint32_t kernel;
    std::vector<uint8_t> args;
  };
  std::vector<Launched> launches;
};

struct OpenDevice {
  Order order;
  uint64_t bytes_left;
  std::map<void*, uint64_t> allocated;
  std::string message;
  std::unique_ptr<OpenSequence> recorded;  // null: launches run
  bool recorded_more = false;              // than launches
};

namespace {

std::atomic<bool> has_attention = false;
std::atomic<uint64_t> memory_bytes = uint64_t{4} << 30;

int Refuse(OpenDevice* device, std::string why) {
  device->message = std::move(why);
  return 1;
}

template <typename Kernel>
concept BeginsEarly = Kernel::kBeginsEarly;

template <typename Kernel>
int Run(OpenDevice* device, const void* bytes, uint32_t size) {
  using Args = typename Kernel::Args;
  if (size != sizeof(Args)) return Refuse(device, "arguments of another size");
  const Args args = *static_cast<const Args*>(bytes);
  const Grid grid = Kernel::GridOf(args);
  const bool upwards = device->order == Order::kUpwards;
  std::vector<uint8_t> memory(Kernel::SharedBytes(args));
  const uint32_t blocks = grid.x * grid.y;
  for (uint32_t i = 0; i < blocks; ++i) {
    const uint32_t at = upwards ? i : blocks - 1 - i;
    HostBlock<Kernel::kThreads> block({at % grid.x, at / grid.x}, memory, upwards);
    Kernel::Run(block, args);
    DURE_CHECK(block.has_awaited() == BeginsEarly<Kernel>, "who begins early awaits, others not");
  }
  return 0;
}

int RunNumber(OpenDevice* device, uint32_t kernel, const void* args, uint32_t size) {
  using Runner = int (*)(OpenDevice*, const void*, uint32_t);
#define DURE_CUDA_RUN(kernel) &Run<kernel>,
  static constexpr Runner kRunners[] = {DURE_CUDA_KERNELS(DURE_CUDA_RUN)};
#undef DURE_CUDA_RUN
  if (kernel >= std::size(kRunners)) return Refuse(device, "no such kernel");
  return kRunners[kernel](device, args, size);
}

int Launch(OpenDevice* device, uint32_t kernel, const void* args, uint32_t size) {
  if (device->recorded == nullptr) return RunNumber(device, kernel, args, size);
  const auto* const bytes = static_cast<const uint8_t*>(args);
  device->recorded->launches.push_back({kernel, {bytes, bytes + size}});
  return 0;
}

int Record(OpenDevice* device) {
  if (device->recorded != nullptr) return Refuse(device, "a recording within another");
  device->recorded = std::make_unique<OpenSequence>();
  device->recorded_more = false;
  return 0;
}

int KeepRecorded(OpenDevice* device, OpenSequence** sequence) {
  const auto recorded = std::move(device->recorded);
  if (recorded == nullptr) return Refuse(device, "nothing is recorded");
  if (device->recorded_more) return Refuse(device, "more than launches was recorded");
  *sequence = new OpenSequence(*recorded);
  return 0;
}

int Replay(OpenDevice* device, OpenSequence* sequence) {
  for (const auto& [kernel, args] : sequence->launches) {
    const int result = RunNumber(device, kernel, args.data(), static_cast<uint32_t>(args.size()));
    if (result != 0) return result;
  }
  return 0;
}

void Forget(OpenDevice*, OpenSequence* sequence) { delete sequence; }

// What waits, or is no launch, ends a recording without a result, as on a GPU.
int RefuseWhileRecording(OpenDevice* device) {
  if (device->recorded == nullptr) return 0;
  device->recorded_more = true;
  return Refuse(device, "not while recording");
}

int PrepareAttention(OpenDevice* device, const AttentionCall* call, uint64_t* scratch_bytes) {
  *scratch_bytes = has_attention ? EmulatedAttentionScratch(*call) : 0;
  return *scratch_bytes > 0 ? 0 : Refuse(device, "the emulated library does not compute this");
}

int Attend(OpenDevice* device, const AttentionCall* call) {
  if (RefuseWhileRecording(device) != 0) return 1;
  return EmulateAttention([device](uint32_t kernel, const void* args,
                                   uint32_t size) { return RunNumber(device, kernel, args, size); },
                          *call);
}

float At(const void* data, NumberType type, uint64_t index) {
  return type == NumberType::kFloat ? static_cast<const float*>(data)[index]
                                    : ToFloat(static_cast<const Bf16*>(data)[index]);
}

// Row-major [rows, columns] without gaps, of a matrix that may be stored transposed.
struct Stored {
  const void* data;
  uint64_t stride;
  bool transposed;
};
std::vector<float> Unfold(const Stored& m, NumberType type, uint64_t rows, uint64_t columns) {
  std::vector<float> floats(rows * columns);
  for (uint64_t i = 0; i < rows; ++i) {
    for (uint64_t j = 0; j < columns; ++j) {
      const uint64_t at = m.transposed ? j * m.stride + i : i * m.stride + j;
      floats[i * columns + j] = At(m.data, type, at);
    }
  }
  return floats;
}

int Multiply(OpenDevice* device, const Gemm* g) {
  if (RefuseWhileRecording(device) != 0) return 1;
  const auto a = Unfold({g->a, g->a_stride, g->a_transposed != 0}, g->in, g->rows, g->inner);
  const auto b = Unfold({g->b, g->b_stride, g->b_transposed != 0}, g->in, g->inner, g->columns);
  std::vector<float> sums(g->columns);
  for (uint64_t row = 0; row < g->rows; ++row) {
    std::ranges::fill(sums, 0.0F);
    for (uint64_t k = 0; k < g->inner; ++k) {
      const float x = a[row * g->inner + k];
      const float* const y = b.data() + k * g->columns;
      for (uint64_t j = 0; j < g->columns; ++j) sums[j] += x * y[j];
    }
    for (uint64_t j = 0; j < g->columns; ++j) {
      const uint64_t at = row * g->d_stride + j;
      const float old = g->beta == 0 ? 0 : g->beta * At(g->c, g->out, at);
      const float value = g->alpha * sums[j] + old;
      if (g->out == NumberType::kFloat) {
        static_cast<float*>(g->d)[at] = value;
      } else {
        static_cast<Bf16*>(g->d)[at] = FromFloat<Bf16>(value);
      }
    }
  }
  return 0;
}

int Count(char*, size_t) { return 1; }

template <Order kOrder>
int Open(uint32_t index, OpenDevice** device, char* message, size_t message_bytes) {
  if (index != 0) {
    std::snprintf(message, message_bytes, "there is one emulated device");
    return 1;
  }
  *device = new OpenDevice{kOrder, memory_bytes.load(), {}, {}, {}, false};
  return 0;
}

// Before and behind each allocation, and looked at when it ends: 12.08 to whoever reads or adds to
// it, since a NaN would stay one.
constexpr uint64_t kGuardBytes = 256;
constexpr uint8_t kGuard = 0x41;

int Allocate(OpenDevice* device, uint64_t bytes, void** memory) {
  if (bytes > device->bytes_left) return Refuse(device, "out of emulated memory");
  const uint64_t all = bytes + 2 * kGuardBytes;
  auto* const begin = static_cast<uint8_t*>(::operator new(all, std::align_val_t(kGuardBytes)));
  std::memset(begin, kGuard, all);
  *memory = begin + kGuardBytes;
  std::memset(*memory, 0xff, bytes);
  device->allocated[*memory] = bytes;
  device->bytes_left -= bytes;
  return 0;
}

void Release(OpenDevice* device, void* memory) {
  const auto it = device->allocated.find(memory);
  if (it == device->allocated.end()) return;
  auto* const begin = static_cast<uint8_t*>(memory) - kGuardBytes;
  const uint8_t* const behind = begin + kGuardBytes + it->second;
  const auto is_untouched = [](uint8_t byte) { return byte == kGuard; };
  DURE_CHECK(std::all_of(begin, begin + kGuardBytes, is_untouched) &&
                 std::all_of(behind, behind + kGuardBytes, is_untouched),
             "something was written beside what was allocated");
  device->bytes_left += it->second;
  ::operator delete(begin, std::align_val_t(kGuardBytes));
  device->allocated.erase(it);
}

void Close(OpenDevice* device) {
  while (!device->allocated.empty()) Release(device, device->allocated.begin()->first);
  delete device;
}

int Facts(OpenDevice* device, DeviceFacts* facts) {
  *facts = {};
  std::snprintf(facts->name, sizeof facts->name, "emulated device");
  facts->memory_bytes = facts->memory_free_bytes = device->bytes_left;
  facts->major = 9;
  facts->multiprocessors = 1;
  facts->shared_bytes_max = 163 << 10;
  return 0;
}

int CopyBytes(OpenDevice* device, void* to, const void* from, uint64_t bytes) {
  if (RefuseWhileRecording(device) != 0) return 1;
  if (bytes > 0) std::memmove(to, from, bytes);
  return 0;
}

int Clear(OpenDevice* device, void* memory, uint64_t bytes) {
  if (RefuseWhileRecording(device) != 0) return 1;
  if (bytes > 0) std::memset(memory, 0, bytes);
  return 0;
}

const char* Message(OpenDevice* device) { return device->message.c_str(); }
int Synchronize(OpenDevice* device) { return RefuseWhileRecording(device); }

template <Order kOrder>
constexpr DeviceTable MakeTable() {
  DeviceTable table{};
  table.version = kTableVersion;
  table.kernel_count = AllKernels::kCount;
  std::copy_n("emulated", 9, table.what);
  table.count = Count;
  table.open = Open<kOrder>;
  table.close = Close;
  table.error = Message;
  table.facts = Facts;
  table.allocate = Allocate;
  table.release = Release;
  table.copy_in = CopyBytes;
  table.copy_out = CopyBytes;
  table.copy = CopyBytes;
  table.clear = Clear;
  table.synchronize = Synchronize;
  table.launch = Launch;
  table.gemm = Multiply;
  table.prepare_attention = PrepareAttention;
  table.attend = Attend;
  table.record = Record;
  table.keep = KeepRecorded;
  table.replay = Replay;
  table.forget = Forget;
  return table;
}

}  // namespace

const DeviceTable& EmulatedTable(Order order) {
  static constexpr DeviceTable kUp = MakeTable<Order::kUpwards>();
  static constexpr DeviceTable kDown = MakeTable<Order::kDownwards>();
  return order == Order::kUpwards ? kUp : kDown;
}

void SetEmulatedMemory(uint64_t bytes) { memory_bytes = bytes; }
void SetEmulatedAttention(bool wanted) { has_attention = wanted; }

}  // namespace dure::model::cuda
