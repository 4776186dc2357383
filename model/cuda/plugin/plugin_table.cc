// The table of the plug-in: devices, memory and copies by the CUDA runtime. Its one symbol is
// dure_cuda_table; everything else is hidden.
#include <algorithm>
#include <cstring>

#include "model/cuda/kernels/list.h"
#include "model/cuda/plugin/cuda_device.h"

namespace dure::model::cuda {
namespace {

// The oldest compute capability that kernels are compiled for.
constexpr int kMajorMin = 8;

void Tell(char* message, size_t message_bytes, const std::string& text) {
  std::snprintf(message, message_bytes, "%s", text.c_str());
}

int Count(char* message, size_t message_bytes) {
  int driver = 0;
  if (cudaDriverGetVersion(&driver) == cudaSuccess && driver == 0) {
    Tell(message, message_bytes, "no NVIDIA driver is installed");
    return -1;
  }
  int count = 0;  // left as it is when there is no driver
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess) {
    Tell(message, message_bytes, cudaGetErrorString(error));
    return -1;
  }
  if (count == 0) Tell(message, message_bytes, "CUDA finds no GPU");
  return count;
}

void Close(OpenDevice* device) {
  cudaSetDevice(device->index);
  if (device->stream) cudaStreamSynchronize(device->stream);
  ForgetPlans(device);
#if defined(DURE_HAS_CUDNN)
  CloseAttention(device);
#endif
  for (const cudaEvent_t copied : device->staging.copied) {
    if (copied) cudaEventDestroy(copied);
  }
  if (device->staging.memory) cudaFreeHost(device->staging.memory);
  if (device->workspace) cudaFree(device->workspace);
  if (device->blas) cublasLtDestroy(device->blas);
  if (device->stream) cudaStreamDestroy(device->stream);
  delete device;
}

int PrepareStaging(OpenDevice* device) {
  void* memory = nullptr;
  if (Check(device, cudaMallocHost(&memory, Staging::kPieces * Staging::kPieceBytes),
            "pinned memory for copies")) {
    return 1;
  }
  device->staging.memory = static_cast<uint8_t*>(memory);
  for (cudaEvent_t& copied : device->staging.copied) {
    if (Check(device, cudaEventCreateWithFlags(&copied, cudaEventDisableTiming),
              "an event for copies")) {
      return 1;
    }
  }
  return 0;
}

int Prepare(OpenDevice* device, uint32_t index) {
  cudaDeviceProp properties{};
  if (Check(device, cudaGetDeviceProperties(&properties, device->index), "asking for the GPU")) {
    return 1;
  }
  if (properties.major < kMajorMin) {
    device->message = std::string(properties.name) + " has compute capability " +
                      std::to_string(properties.major) + "." + std::to_string(properties.minor) +
                      ", 8.0 or newer is needed";
    return 1;
  }
  device->begins_early = properties.major >= 9;
  if (Check(device, cudaSetDevice(static_cast<int>(index)), "taking the GPU") ||
      Check(device, cudaStreamCreateWithFlags(&device->stream, cudaStreamNonBlocking),
            "making a queue") ||
      Check(device, cudaMalloc(&device->workspace, kWorkspaceBytes), "memory for products") ||
      PrepareStaging(device)) {
    return 1;
  }
#if defined(DURE_HAS_CUDNN)
  OpenAttention(device);
#endif
  const cublasStatus_t status = cublasLtCreate(&device->blas);
  if (status == CUBLAS_STATUS_SUCCESS) return 0;
  device->message = std::string("cuBLASLt: ") + cublasLtGetStatusString(status);
  return 1;
}

int Open(uint32_t index, OpenDevice** device, char* message, size_t message_bytes) {
  auto* const opened = new OpenDevice;
  opened->index = static_cast<int>(index);
  if (Prepare(opened, index) != 0) {
    Tell(message, message_bytes, opened->message);
    Close(opened);
    return 1;
  }
  *device = opened;
  return 0;
}

const char* Message(OpenDevice* device) { return device->message.c_str(); }

int Facts(OpenDevice* device, DeviceFacts* facts) {
  *facts = {};
  cudaDeviceProp properties{};
  size_t free_bytes = 0;
  size_t all_bytes = 0;
  if (Check(device, cudaGetDeviceProperties(&properties, device->index), "asking for the GPU") ||
      Check(device, cudaMemGetInfo(&free_bytes, &all_bytes), "asking for its memory")) {
    return 1;
  }
  std::snprintf(facts->name, sizeof facts->name, "%s", properties.name);
  facts->memory_bytes = all_bytes;
  facts->memory_free_bytes = free_bytes;
  facts->major = static_cast<uint32_t>(properties.major);
  facts->minor = static_cast<uint32_t>(properties.minor);
  facts->multiprocessors = static_cast<uint32_t>(properties.multiProcessorCount);
  facts->shared_bytes_max = static_cast<uint32_t>(properties.sharedMemPerBlockOptin);
  return 0;
}

int Allocate(OpenDevice* device, uint64_t bytes, void** memory) {
  return Check(device, cudaMalloc(memory, std::max<uint64_t>(bytes, 1)), "allocating");
}

void Release(OpenDevice* device, void* memory) {
  cudaStreamSynchronize(device->stream);
  cudaFree(memory);
}

int Synchronize(OpenDevice* device) {
  return Check(device, cudaStreamSynchronize(device->stream), "computing");
}

// The source may be changed by its owner afterwards, so it is copied twice.
int CopyIn(OpenDevice* device, void* to, const void* from, uint64_t bytes) {
  Staging& staging = device->staging;
  for (uint64_t at = 0; at < bytes; at += Staging::kPieceBytes) {
    const size_t piece = staging.next;
    staging.next = (piece + 1) % Staging::kPieces;
    uint8_t* const memory = staging.memory + piece * Staging::kPieceBytes;
    const uint64_t count = std::min<uint64_t>(Staging::kPieceBytes, bytes - at);
    if (Check(device, cudaEventSynchronize(staging.copied[piece]), "computing")) return 1;
    std::memcpy(memory, static_cast<const uint8_t*>(from) + at, count);
    if (Check(device,
              cudaMemcpyAsync(static_cast<uint8_t*>(to) + at, memory, count, cudaMemcpyHostToDevice,
                              device->stream),
              "copying to the GPU") ||
        Check(device, cudaEventRecord(staging.copied[piece], device->stream),
              "copying to the GPU")) {
      return 1;
    }
  }
  return 0;
}

int CopyOut(OpenDevice* device, void* to, const void* from, uint64_t bytes) {
  if (Check(device, cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, device->stream),
            "copying from the GPU")) {
    return 1;
  }
  return Synchronize(device);
}

int Copy(OpenDevice* device, void* to, const void* from, uint64_t bytes) {
  return Check(device, cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, device->stream),
               "copying on the GPU");
}

// What was chosen by a try before is chosen anew.
void SetSameBits(OpenDevice* device, uint32_t wanted) {
  if (wanted != 0 && !device->same_bits) ForgetPlans(device);
  device->same_bits = wanted != 0;
}

int Clear(OpenDevice* device, void* memory, uint64_t bytes) {
  return Check(device, cudaMemsetAsync(memory, 0, bytes, device->stream), "clearing");
}

DeviceTable MakeTable() {
  DeviceTable table{};
  table.version = kTableVersion;
  table.kernel_count = AllKernels::kCount;
  std::snprintf(table.what, sizeof table.what, "cuda");
  table.count = Count;
  table.open = Open;
  table.close = Close;
  table.error = Message;
  table.facts = Facts;
  table.allocate = Allocate;
  table.release = Release;
  table.copy_in = CopyIn;
  table.copy_out = CopyOut;
  table.copy = Copy;
  table.clear = Clear;
  table.synchronize = Synchronize;
  table.launch = Launch;
  table.gemm = Multiply;
  FillSequences(&table);
  table.set_same_bits = SetSameBits;
#if defined(DURE_HAS_CUDNN)
  table.prepare_attention = PrepareAttention;
  table.attend = RunAttention;
#endif
#if defined(DURE_HAS_NCCL)
  FillGang(&table);
#endif
  return table;
}

}  // namespace
}  // namespace dure::model::cuda

extern "C" __attribute__((visibility("default"))) const dure::model::cuda::DeviceTable*
dure_cuda_table(uint32_t version) {
  static const dure::model::cuda::DeviceTable table = dure::model::cuda::MakeTable();
  return version == dure::model::cuda::kTableVersion ? &table : nullptr;
}
