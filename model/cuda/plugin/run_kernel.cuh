// How the plug-in runs a kernel. Files that include it make it for the kernels they name: together
// they are compiled in half the time.
#pragma once

#include "model/cuda/kernels/list.h"
#include "model/cuda/plugin/cuda_device.h"
#include "model/cuda/plugin/device_block.cuh"

namespace dure::model::cuda {

constexpr uint32_t kSharedBytesAlways = 48 << 10;  // more must be asked for

// Kernels that may begin while the one before them still runs say so (host_block.h); sm_90 and
// newer can.
template <typename Kernel>
concept BeginsEarly = Kernel::kBeginsEarly;

// Blocks that a multiprocessor must hold at once: bounds the registers. 0: the compiler's choice.
template <typename Kernel>
constexpr uint32_t BlocksAtOnce() {
  if constexpr (requires { Kernel::kBlocksAtOnce; }) return Kernel::kBlocksAtOnce;
  return 0;
}

template <typename Kernel>
__global__ void __launch_bounds__(Kernel::kThreads, BlocksAtOnce<Kernel>())
    Entry(const __grid_constant__ typename Kernel::Args args) {
  extern __shared__ __align__(128) uint8_t memory[];
  __shared__ double warps[Kernel::kThreads / 32];
  DeviceBlock<Kernel::kThreads> block(memory, warps);
  Kernel::Run(block, args);
}

template <typename Kernel>
int Run(OpenDevice* device, const void* bytes, uint32_t size) {
  using Args = typename Kernel::Args;
  if (size != sizeof(Args)) {
    device->message = "arguments of another size";
    return 1;
  }
  const Args args = *static_cast<const Args*>(bytes);
  const Grid grid = Kernel::GridOf(args);
  if (grid.x == 0 || grid.y == 0) return 0;
  const uint32_t shared = Kernel::SharedBytes(args);
  if (shared > kSharedBytesAlways) {
    const cudaError_t error = cudaFuncSetAttribute(
        Entry<Kernel>, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared));
    if (error != cudaSuccess) return Check(device, error, "shared memory of a kernel");
  }
  cudaLaunchConfig_t how{};
  how.gridDim = dim3(grid.x, grid.y);
  how.blockDim = Kernel::kThreads;
  how.dynamicSmemBytes = shared;
  how.stream = device->stream;
  cudaLaunchAttribute early{};
  if constexpr (BeginsEarly<Kernel>) {
    early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    early.val.programmaticStreamSerializationAllowed = 1;
    how.attrs = &early;
    how.numAttrs = device->begins_early ? 1 : 0;
  }
  return Check(device, cudaLaunchKernelEx(&how, Entry<Kernel>, args), "launching a kernel");
}

}  // namespace dure::model::cuda
