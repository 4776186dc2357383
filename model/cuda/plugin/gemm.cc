// Matrix products through cuBLASLt. Its matrices are column-major, so a row-major d = op(a) op(b)
// is asked for as dᵀ = op(b)ᵀ op(a)ᵀ: what is stored needs no change, only the order does.
#include <cstring>
#include <limits>
#include <vector>

#include "model/cuda/plugin/cuda_device.h"

namespace dure::model::cuda {
namespace {

cudaDataType_t TypeOf(NumberType type) {
  return type == NumberType::kBf16 ? CUDA_R_16BF : CUDA_R_32F;
}

// The largest power of two up to 16 that all pointers are multiples of.
uint32_t AlignmentOf(const Gemm& g) {
  const auto bits = reinterpret_cast<uintptr_t>(g.a) | reinterpret_cast<uintptr_t>(g.b) |
                    reinterpret_cast<uintptr_t>(g.c) | reinterpret_cast<uintptr_t>(g.d);
  uint32_t alignment = 16;
  while (bits % alignment != 0) alignment /= 2;
  return alignment;
}

PlanKey KeyOf(const Gemm& g) {
  return {g.rows,
          g.columns,
          g.inner,
          g.a_stride,
          g.b_stride,
          g.d_stride,
          g.a_transposed,
          g.b_transposed,
          static_cast<uint32_t>(g.in),
          static_cast<uint32_t>(g.out),
          g.beta == 0,
          AlignmentOf(g)};
}

void Forget(const Plan& plan) {
  if (plan.operation) cublasLtMatmulDescDestroy(plan.operation);
  for (const cublasLtMatrixLayout_t layout : {plan.a, plan.b, plan.d}) {
    if (layout) cublasLtMatrixLayoutDestroy(layout);
  }
}

// The stored matrix, seen column-major: its rows are the stored columns.
cublasStatus_t MakeLayout(cublasLtMatrixLayout_t* layout, NumberType type, bool transposed,
                          uint64_t rows, uint64_t columns, uint64_t stride) {
  const uint64_t stored_rows = transposed ? columns : rows;
  const uint64_t stored_columns = transposed ? rows : columns;
  return cublasLtMatrixLayoutCreate(layout, TypeOf(type), stored_columns, stored_rows,
                                    static_cast<int64_t>(stride));
}

cublasStatus_t Describe(const Gemm& g, Plan* plan) {
  cublasStatus_t status =
      cublasLtMatmulDescCreate(&plan->operation, CUBLAS_COMPUTE_32F, CUDA_R_32F);
  const cublasOperation_t first = g.b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  const cublasOperation_t second = g.a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  if (status == CUBLAS_STATUS_SUCCESS) {
    status = cublasLtMatmulDescSetAttribute(plan->operation, CUBLASLT_MATMUL_DESC_TRANSA, &first,
                                            sizeof first);
  }
  if (status == CUBLAS_STATUS_SUCCESS) {
    status = cublasLtMatmulDescSetAttribute(plan->operation, CUBLASLT_MATMUL_DESC_TRANSB, &second,
                                            sizeof second);
  }
  if (status == CUBLAS_STATUS_SUCCESS) {
    status = MakeLayout(&plan->a, g.in, g.a_transposed, g.rows, g.inner, g.a_stride);
  }
  if (status == CUBLAS_STATUS_SUCCESS) {
    status = MakeLayout(&plan->b, g.in, g.b_transposed, g.inner, g.columns, g.b_stride);
  }
  if (status == CUBLAS_STATUS_SUCCESS) {
    status = MakeLayout(&plan->d, g.out, false, g.rows, g.columns, g.d_stride);
  }
  return status;
}

// What cuBLASLt thinks best first, of which so many are tried at this call of a shape.
constexpr int kChoicesMax = 24;
constexpr uint32_t kCallThatTries = 4;
// A try writes elsewhere only where so much more than that is free, beside what is planned.
constexpr size_t kFreeAfterATry = size_t{512} << 20;

cublasStatus_t Choose(OpenDevice* device, const Gemm& g, Plan* plan) {
  cublasStatus_t status = Describe(g, plan);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  cublasLtMatmulPreference_t preference = nullptr;
  status = cublasLtMatmulPreferenceCreate(&preference);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  const uint64_t workspace = kWorkspaceBytes;
  const uint32_t alignment = AlignmentOf(g);
  cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                       &workspace, sizeof workspace);
  for (const auto which :
       {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES}) {
    cublasLtMatmulPreferenceSetAttribute(preference, which, &alignment, sizeof alignment);
  }
  cublasLtMatmulHeuristicResult_t found[kChoicesMax] = {};
  int count = 0;
  status = cublasLtMatmulAlgoGetHeuristic(device->blas, plan->operation, plan->b, plan->a, plan->d,
                                          plan->d, preference, kChoicesMax, found, &count);
  cublasLtMatmulPreferenceDestroy(preference);
  if (status == CUBLAS_STATUS_SUCCESS && count == 0) status = CUBLAS_STATUS_NOT_SUPPORTED;
  for (int i = 0; i < count; ++i) {
    if (found[i].state == CUBLAS_STATUS_SUCCESS) plan->choices.push_back(found[i].algo);
  }
  if (status == CUBLAS_STATUS_SUCCESS && plan->choices.empty())
    status = CUBLAS_STATUS_NOT_SUPPORTED;
  return status;
}

cublasStatus_t Run(OpenDevice* device, const Gemm& g, const Plan& plan,
                   const cublasLtMatmulAlgo_t& algorithm, const void* c, void* d) {
  return cublasLtMatmul(device->blas, plan.operation, &g.alpha, g.b, plan.b, g.a, plan.a, &g.beta,
                        c, plan.d, d, plan.d, &algorithm, device->workspace, kWorkspaceBytes,
                        device->stream);
}

// Milliseconds of a few calls, after one that warms up; infinity where it fails.
float Milliseconds(OpenDevice* device, const Gemm& g, const Plan& plan,
                   const cublasLtMatmulAlgo_t& algorithm, void* d) {
  constexpr int kCalls = 4;
  float took = std::numeric_limits<float>::infinity();
  cudaEvent_t begin = nullptr;
  cudaEvent_t end = nullptr;
  const void* const c = g.beta == 0 || g.c == g.d ? d : g.c;
  if (cudaEventCreate(&begin) == cudaSuccess && cudaEventCreate(&end) == cudaSuccess &&
      Run(device, g, plan, algorithm, c, d) == CUBLAS_STATUS_SUCCESS) {
    cudaEventRecord(begin, device->stream);
    bool runs = true;
    for (int i = 0; i < kCalls && runs; ++i) {
      runs = Run(device, g, plan, algorithm, c, d) == CUBLAS_STATUS_SUCCESS;
    }
    cudaEventRecord(end, device->stream);
    if (!runs || cudaEventSynchronize(end) != cudaSuccess ||
        cudaEventElapsedTime(&took, begin, end) != cudaSuccess) {
      took = std::numeric_limits<float>::infinity();
    }
  }
  if (begin) cudaEventDestroy(begin);
  if (end) cudaEventDestroy(end);
  return took;
}

// Where a product that adds to what is there can be tried; null where memory is short.
void* Elsewhere(OpenDevice* device, const Gemm& g) {
  const uint64_t bytes = uint64_t{g.rows} * g.d_stride * (g.out == NumberType::kBf16 ? 2 : 4);
  size_t free_bytes = 0;
  size_t all_bytes = 0;
  void* memory = nullptr;
  if (cudaMemGetInfo(&free_bytes, &all_bytes) != cudaSuccess ||
      free_bytes < bytes + kFreeAfterATry || cudaMalloc(&memory, bytes) != cudaSuccess) {
    cudaGetLastError();
    return nullptr;
  }
  cudaMemsetAsync(memory, 0, bytes, device->stream);
  return memory;
}

// Leaves the fastest of the plan's choices, by a try on the product's own operands; without memory
// to try in, the first.
void Try(OpenDevice* device, const Gemm& g, Plan* plan) {
  const bool adds = g.beta != 0 && g.c == g.d;
  void* const elsewhere = adds ? Elsewhere(device, g) : nullptr;
  size_t best = 0;
  float least = std::numeric_limits<float>::infinity();
  for (size_t i = 0; i < plan->choices.size() && (!adds || elsewhere != nullptr); ++i) {
    const float took = Milliseconds(device, g, *plan, plan->choices[i], adds ? elsewhere : g.d);
    if (took < least) {
      least = took;
      best = i;
    }
  }
  if (elsewhere) {
    cudaStreamSynchronize(device->stream);
    cudaFree(elsewhere);
  }
  plan->choices = {plan->choices[best]};
}

int Fail(OpenDevice* device, const Gemm& g, cublasStatus_t status) {
  device->message = "a product of " + std::to_string(g.rows) + " x " + std::to_string(g.columns) +
                    " x " + std::to_string(g.inner) + ": " + cublasLtGetStatusString(status);
  return 1;
}

}  // namespace

int Multiply(OpenDevice* device, const Gemm* gemm) {
  const Gemm& g = *gemm;
  if (g.rows == 0 || g.columns == 0) return 0;
  const PlanKey key = KeyOf(g);
  auto it = device->plans.find(key);
  if (it == device->plans.end()) {
    Plan plan;
    const cublasStatus_t status = Choose(device, g, &plan);
    if (status != CUBLAS_STATUS_SUCCESS) {
      Forget(plan);
      return Fail(device, g, status);
    }
    it = device->plans.emplace(key, std::move(plan)).first;
  }
  Plan& plan = it->second;
  if (++plan.calls == kCallThatTries && plan.choices.size() > 1 && !device->same_bits) {
    Try(device, g, &plan);
  }
  const cublasStatus_t status =
      Run(device, g, plan, plan.choices.front(), g.beta == 0 ? g.d : g.c, g.d);
  return status == CUBLAS_STATUS_SUCCESS ? 0 : Fail(device, g, status);
}

void ForgetPlans(OpenDevice* device) {
  for (const auto& [key, plan] : device->plans) Forget(plan);
  device->plans.clear();
}

}  // namespace dure::model::cuda
