// Every kernel (kernels/list.h) by its number; those of neither number type are made here.
#include <iterator>

#include "model/cuda/plugin/run_kernel.cuh"

namespace dure::model::cuda {

#define DURE_CUDA_ELSEWHERE(kernel) \
  extern template int Run<kernel>(OpenDevice*, const void*, uint32_t);
DURE_CUDA_KERNELS_OF(DURE_CUDA_ELSEWHERE, float)
DURE_CUDA_KERNELS_OF(DURE_CUDA_ELSEWHERE, Bf16)
#undef DURE_CUDA_ELSEWHERE

int Launch(OpenDevice* device, uint32_t kernel, const void* args, uint32_t args_bytes) {
  using Runner = int (*)(OpenDevice*, const void*, uint32_t);
#define DURE_CUDA_RUN(kernel) &Run<kernel>,
  static constexpr Runner kRunners[] = {DURE_CUDA_KERNELS(DURE_CUDA_RUN)};
#undef DURE_CUDA_RUN
  if (kernel >= std::size(kRunners)) {
    device->message = "no such kernel";
    return 1;
  }
  return kRunners[kernel](device, args, args_bytes);
}

}  // namespace dure::model::cuda
