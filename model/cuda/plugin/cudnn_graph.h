// A graph of operations as cuDNN takes it (its backend interface), made step by step, and how the
// library would compute it. The first error stays and is told by Build; until then nothing has to
// be checked. Tensors have four dimensions.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "model/cuda/plugin/cudnn_library.h"

namespace dure::model::cuda {

using Sizes = std::array<int64_t, 4>;
Sizes PackedStrides(const Sizes& sizes);

// A descriptor and who destroys it.
class CudnnDescriptor {
 public:
  CudnnDescriptor(const CudnnLibrary& library, cudnnBackendDescriptorType_t type);
  ~CudnnDescriptor();
  CudnnDescriptor(CudnnDescriptor&& other) noexcept;
  CudnnDescriptor& operator=(CudnnDescriptor&&) = delete;

  cudnnBackendDescriptor_t raw() const { return raw_; }
  template <typename V>
  void Set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const V& value) {
    SetMany(name, type, 1, &value);
  }
  // Another descriptor, which must outlive this one.
  void Link(cudnnBackendAttributeName_t name, cudnnBackendDescriptor_t other) {
    Set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, other);
  }
  void SetMany(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
               const void* values);
  // What went wrong first, since it was made.
  cudnnStatus_t Finalize();

 private:
  const CudnnLibrary& library_;
  cudnnBackendDescriptor_t raw_ = nullptr;
  cudnnStatus_t status_ = CUDNN_STATUS_SUCCESS;
};

// An executable plan; made by CudnnGraph.
class CudnnPlan {
 public:
  struct Place {
    int64_t tensor;
    const void* memory;  // on the device; of a value, here
  };
  // Bytes that Run needs besides the tensors.
  int64_t workspace_bytes() const { return workspace_bytes_; }
  cudnnStatus_t Run(const CudnnLibrary& library, cudnnHandle_t handle,
                    const std::vector<Place>& places, void* workspace) const;

 private:
  friend class CudnnGraph;
  std::vector<CudnnDescriptor> parts_;  // of which the last is the plan
  int64_t workspace_bytes_ = 0;
};

class CudnnGraph {
 public:
  using Tensor = cudnnBackendDescriptor_t;

  CudnnGraph(const CudnnLibrary& library, cudnnHandle_t handle)
      : library_(library), handle_(handle) {}

  // In memory, known to Run by its number.
  Tensor Stored(int64_t number, cudnnDataType_t type, const Sizes& sizes, const Sizes& strides);
  // One float that Run is given.
  Tensor Value(int64_t number);
  // Between two operations.
  Tensor Between(const Sizes& sizes, cudnnDataType_t type = CUDNN_DATA_FLOAT) {
    return Between(sizes, PackedStrides(sizes), type);
  }
  Tensor Between(const Sizes& sizes, const Sizes& strides, cudnnDataType_t type);

  // y = x, or of x and b; each returns y.
  Tensor Pointwise(cudnnPointwiseMode_t mode, Tensor x, Tensor b, Tensor y,
                   cudnnDataType_t compute = CUDNN_DATA_FLOAT) {
    return Elementwise({mode, compute}, x, b, nullptr, y);
  }
  // y = index of each element along an axis.
  Tensor Index(int64_t axis, Tensor x, Tensor y) {
    return Elementwise({CUDNN_POINTWISE_GEN_INDEX, CUDNN_DATA_FLOAT, axis}, x, nullptr, nullptr, y);
  }
  // y = x where `where`, else b.
  Tensor Select(Tensor x, Tensor b, Tensor where, Tensor y) {
    return Elementwise({CUDNN_POINTWISE_BINARY_SELECT, CUDNN_DATA_FLOAT}, x, b, where, y);
  }
  Tensor Product(Tensor a, Tensor b, Tensor c);
  Tensor Reduce(cudnnReduceTensorOp_t operation, Tensor x, Tensor y);
  Tensor Reshape(Tensor x, Tensor y);

  // The library's first choice that it can make a plan of. False, with the reason in `trouble`.
  bool Build(CudnnPlan* plan, std::string* trouble);

 private:
  CudnnDescriptor& Begin(cudnnBackendDescriptorType_t type);
  void End(CudnnDescriptor& descriptor, const char* what);
  void EndOperation(CudnnDescriptor& descriptor, const char* what);
  Tensor EndTensor(CudnnDescriptor& tensor, cudnnDataType_t type, const Sizes& sizes,
                   const Sizes& strides);
  struct How {
    cudnnPointwiseMode_t mode;
    cudnnDataType_t compute;
    int64_t axis = -1;  // none
  };
  Tensor Elementwise(const How& wanted, Tensor x, Tensor b, Tensor where, Tensor y);
  bool TryPlan(cudnnBackendDescriptor_t choice, CudnnPlan* plan);

  const CudnnLibrary& library_;
  const cudnnHandle_t handle_;
  std::vector<CudnnDescriptor> parts_;
  std::vector<cudnnBackendDescriptor_t> operations_;
  int64_t between_ = 1000;  // numbers of tensors that have none
  std::string trouble_;
};

}  // namespace dure::model::cuda
