// The plug-in's own: an open device with its queue, and what its files share. Compiled as C++ by
// the host compiler and by nvcc.
#pragma once

#include <cublasLt.h>
#include <cuda_runtime_api.h>

#include <cstdio>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "model/cuda/table.h"

namespace dure::model::cuda {

// What cuBLASLt may use beside the matrices: its documentation asks for 32 MiB on sm_90.
inline constexpr size_t kWorkspaceBytes = size_t{32} << 20;

// How a product of one shape is computed: at first as cuBLASLt thinks best, and after a few calls
// as a try has shown, since a shape that comes once is not worth one.
struct Plan {
  cublasLtMatmulDesc_t operation = nullptr;
  cublasLtMatrixLayout_t a = nullptr;
  cublasLtMatrixLayout_t b = nullptr;
  cublasLtMatrixLayout_t d = nullptr;
  std::vector<cublasLtMatmulAlgo_t>
      choices;  // of which the first is used; one when it has been tried
  uint32_t calls = 0;
};
// All of a Gemm but its pointers and factors; whether beta is 0 and how pointers are aligned
// matter.
using PlanKey = std::tuple<uint32_t, uint32_t, uint32_t, uint64_t, uint64_t, uint64_t, uint32_t,
                           uint32_t, uint32_t, uint32_t, bool, uint32_t>;

// Pinned memory that copies to the device pass through, so that their owner need not wait: the
// piece is free again when its event is reached.
struct Staging {
  static constexpr size_t kPieces = 4;
  static constexpr size_t kPieceBytes = size_t{2} << 20;
  uint8_t* memory = nullptr;
  cudaEvent_t copied[kPieces] = {};
  size_t next = 0;
};

struct AttentionLibrary;  // cudnn_attention.cc

struct OpenDevice {
  int index = 0;
  cudaStream_t stream = nullptr;
  cublasLtHandle_t blas = nullptr;
  void* workspace = nullptr;
  bool begins_early = false;  // kernels can, before the one queued before them has ended
  bool same_bits = false;     // each time: products are not chosen by trying
  std::map<PlanKey, Plan> plans;
  Staging staging;
  AttentionLibrary* attention = nullptr;  // null where there is no cuDNN
  std::string attention_text;             // why there is none
  std::string message;
};

// Keeps the message of what went wrong; 0 if nothing did.
inline int Check(OpenDevice* device, cudaError_t error, const char* what) {
  if (error == cudaSuccess) return 0;
  device->message = std::string(what) + ": " + cudaGetErrorString(error);
  return 1;
}

// kernels.cu
int Launch(OpenDevice* device, uint32_t kernel, const void* args, uint32_t args_bytes);
// gemm.cc
int Multiply(OpenDevice* device, const Gemm* gemm);
void ForgetPlans(OpenDevice* device);
// sequence.cc
void FillSequences(DeviceTable* table);
// cudnn_attention.cc; absent where the plug-in was built without cuDNN's headers
void OpenAttention(OpenDevice* device);
void CloseAttention(OpenDevice* device);
int PrepareAttention(OpenDevice* device, const AttentionCall* call, uint64_t* scratch_bytes);
int RunAttention(OpenDevice* device, const AttentionCall* call);
// nccl.cc; absent where the plug-in was built without NCCL
void FillGang(DeviceTable* table);

}  // namespace dure::model::cuda
