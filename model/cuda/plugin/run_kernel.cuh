// How the plug-in runs a kernel. Files that include it make it for the kernels they name: together
// they are compiled in half the time.
#pragma once

#include "model/cuda/kernels/list.h"
#include "model/cuda/plugin/cuda_device.h"
#include "model/cuda/plugin/device_block.cuh"

namespace dure::model::cuda {

constexpr uint32_t kSharedBytesAlways = 48 << 10;  // more must be asked for

template <typename Kernel>
__global__ void __launch_bounds__(Kernel::kThreads)
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
  Entry<Kernel><<<dim3(grid.x, grid.y), Kernel::kThreads, shared, device->stream>>>(args);
  return Check(device, cudaGetLastError(), "launching a kernel");
}

}  // namespace dure::model::cuda
