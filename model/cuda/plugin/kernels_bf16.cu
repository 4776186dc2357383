// The kernels of bf16.
#include "model/cuda/plugin/run_kernel.cuh"

namespace dure::model::cuda {

#define DURE_CUDA_MAKE(kernel) template int Run<kernel>(OpenDevice*, const void*, uint32_t);
DURE_CUDA_KERNELS_OF(DURE_CUDA_MAKE, Bf16)
#undef DURE_CUDA_MAKE

}  // namespace dure::model::cuda
