#include "model/cuda/plugin/cudnn_graph.h"

#include <algorithm>
#include <utility>

namespace dure::model::cuda {
namespace {

constexpr int64_t kAlignment = 16;
constexpr int64_t kChoicesMax = 16;

// Older versions of the library want their handle where newer ones do not.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
constexpr cudnnBackendAttributeName_t kGraphHandle = CUDNN_ATTR_OPERATIONGRAPH_HANDLE;
constexpr cudnnBackendAttributeName_t kPlanHandle = CUDNN_ATTR_EXECUTION_PLAN_HANDLE;
#pragma GCC diagnostic pop

}  // namespace

Sizes PackedStrides(const Sizes& sizes) {
  return {sizes[1] * sizes[2] * sizes[3], sizes[2] * sizes[3], sizes[3], 1};
}

CudnnDescriptor::CudnnDescriptor(const CudnnLibrary& library, cudnnBackendDescriptorType_t type)
    : library_(library), status_(library.create_descriptor(type, &raw_)) {}

CudnnDescriptor::~CudnnDescriptor() {
  if (raw_ != nullptr) library_.destroy_descriptor(raw_);
}

CudnnDescriptor::CudnnDescriptor(CudnnDescriptor&& other) noexcept
    : library_(other.library_), raw_(std::exchange(other.raw_, nullptr)), status_(other.status_) {}

void CudnnDescriptor::SetMany(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                              int64_t count, const void* values) {
  if (status_ != CUDNN_STATUS_SUCCESS) return;
  status_ = library_.set_attribute(raw_, name, type, count, values);
}

cudnnStatus_t CudnnDescriptor::Finalize() {
  if (status_ == CUDNN_STATUS_SUCCESS) status_ = library_.finalize(raw_);
  return status_;
}

cudnnStatus_t CudnnPlan::Run(const CudnnLibrary& library, cudnnHandle_t handle,
                             const std::vector<Place>& places, void* workspace) const {
  std::vector<int64_t> numbers;
  std::vector<const void*> pointers;
  for (const Place& place : places) {
    numbers.push_back(place.tensor);
    pointers.push_back(place.memory);
  }
  const auto count = static_cast<int64_t>(places.size());
  CudnnDescriptor pack(library, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.SetMany(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, count, numbers.data());
  pack.SetMany(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, count, pointers.data());
  pack.Set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, workspace);
  const cudnnStatus_t status = pack.Finalize();
  if (status != CUDNN_STATUS_SUCCESS) return status;
  return library.execute(handle, parts_.back().raw(), pack.raw());
}

CudnnDescriptor& CudnnGraph::Begin(cudnnBackendDescriptorType_t type) {
  return parts_.emplace_back(library_, type);
}

void CudnnGraph::End(CudnnDescriptor& descriptor, const char* what) {
  const cudnnStatus_t status = descriptor.Finalize();
  if (status == CUDNN_STATUS_SUCCESS || !trouble_.empty()) return;
  trouble_ = std::string(what) + ": " + library_.error_text(status);
}

void CudnnGraph::EndOperation(CudnnDescriptor& descriptor, const char* what) {
  End(descriptor, what);
  operations_.push_back(descriptor.raw());
}

CudnnGraph::Tensor CudnnGraph::EndTensor(CudnnDescriptor& tensor, cudnnDataType_t type,
                                         const Sizes& sizes, const Sizes& strides) {
  tensor.Set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, type);
  tensor.Set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, kAlignment);
  tensor.SetMany(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, sizes.data());
  tensor.SetMany(CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, strides.data());
  End(tensor, "a tensor");
  return tensor.raw();
}

CudnnGraph::Tensor CudnnGraph::Stored(int64_t number, cudnnDataType_t type, const Sizes& sizes,
                                      const Sizes& strides) {
  CudnnDescriptor& tensor = Begin(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  tensor.Set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, number);
  return EndTensor(tensor, type, sizes, strides);
}

CudnnGraph::Tensor CudnnGraph::Value(int64_t number) {
  CudnnDescriptor& tensor = Begin(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  tensor.Set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, number);
  tensor.Set(CUDNN_ATTR_TENSOR_IS_BY_VALUE, CUDNN_TYPE_BOOLEAN, true);
  return EndTensor(tensor, CUDNN_DATA_FLOAT, {1, 1, 1, 1}, {1, 1, 1, 1});
}

CudnnGraph::Tensor CudnnGraph::Between(const Sizes& sizes, const Sizes& strides,
                                       cudnnDataType_t type) {
  CudnnDescriptor& tensor = Begin(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  tensor.Set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, between_++);
  tensor.Set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, true);
  return EndTensor(tensor, type, sizes, strides);
}

CudnnGraph::Tensor CudnnGraph::Elementwise(const How& wanted, Tensor x, Tensor b, Tensor where,
                                           Tensor y) {
  CudnnDescriptor& how = Begin(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  how.Set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, wanted.mode);
  how.Set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, wanted.compute);
  if (wanted.axis >= 0) how.Set(CUDNN_ATTR_POINTWISE_AXIS, CUDNN_TYPE_INT64, wanted.axis);
  End(how, "how a pointwise operation computes");
  const cudnnBackendDescriptor_t raw = how.raw();
  CudnnDescriptor& operation = Begin(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  operation.Link(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, raw);
  operation.Link(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
  if (b != nullptr) operation.Link(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, b);
  if (where != nullptr) operation.Link(CUDNN_ATTR_OPERATION_POINTWISE_TDESC, where);
  operation.Link(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
  EndOperation(operation, "a pointwise operation");
  return y;
}

CudnnGraph::Tensor CudnnGraph::Product(Tensor a, Tensor b, Tensor c) {
  CudnnDescriptor& how = Begin(CUDNN_BACKEND_MATMUL_DESCRIPTOR);
  how.Set(CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
  End(how, "how a product computes");
  const cudnnBackendDescriptor_t raw = how.raw();
  CudnnDescriptor& operation = Begin(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR);
  operation.Link(CUDNN_ATTR_OPERATION_MATMUL_ADESC, a);
  operation.Link(CUDNN_ATTR_OPERATION_MATMUL_BDESC, b);
  operation.Link(CUDNN_ATTR_OPERATION_MATMUL_CDESC, c);
  operation.Link(CUDNN_ATTR_OPERATION_MATMUL_DESC, raw);
  EndOperation(operation, "a product");
  return c;
}

CudnnGraph::Tensor CudnnGraph::Reduce(cudnnReduceTensorOp_t operation, Tensor x, Tensor y) {
  CudnnDescriptor& how = Begin(CUDNN_BACKEND_REDUCTION_DESCRIPTOR);
  how.Set(CUDNN_ATTR_REDUCTION_OPERATOR, CUDNN_TYPE_REDUCTION_OPERATOR_TYPE, operation);
  how.Set(CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
  End(how, "how a reduction computes");
  const cudnnBackendDescriptor_t raw = how.raw();
  CudnnDescriptor& reduction = Begin(CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR);
  reduction.Link(CUDNN_ATTR_OPERATION_REDUCTION_DESC, raw);
  reduction.Link(CUDNN_ATTR_OPERATION_REDUCTION_XDESC, x);
  reduction.Link(CUDNN_ATTR_OPERATION_REDUCTION_YDESC, y);
  EndOperation(reduction, "a reduction");
  return y;
}

CudnnGraph::Tensor CudnnGraph::Reshape(Tensor x, Tensor y) {
  CudnnDescriptor& operation = Begin(CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR);
  operation.Link(CUDNN_ATTR_OPERATION_RESHAPE_XDESC, x);
  operation.Link(CUDNN_ATTR_OPERATION_RESHAPE_YDESC, y);
  EndOperation(operation, "a reshape");
  return y;
}

bool CudnnGraph::TryPlan(cudnnBackendDescriptor_t choice, CudnnPlan* plan) {
  CudnnDescriptor descriptor(library_, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  descriptor.Set(kPlanHandle, CUDNN_TYPE_HANDLE, handle_);
  descriptor.Link(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, choice);
  cudnnStatus_t status = descriptor.Finalize();
  int64_t given = 0;
  if (status == CUDNN_STATUS_SUCCESS) {
    status = library_.get_attribute(descriptor.raw(), CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
                                    CUDNN_TYPE_INT64, 1, &given, &plan->workspace_bytes_);
  }
  if (status != CUDNN_STATUS_SUCCESS) {
    trouble_ = std::string("a plan: ") + library_.error_text(status);
    return false;
  }
  trouble_.clear();
  parts_.push_back(std::move(descriptor));
  plan->parts_ = std::move(parts_);
  return true;
}

bool CudnnGraph::Build(CudnnPlan* plan, std::string* trouble) {
  CudnnDescriptor& graph = Begin(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.Set(kGraphHandle, CUDNN_TYPE_HANDLE, handle_);
  graph.SetMany(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                static_cast<int64_t>(operations_.size()), operations_.data());
  End(graph, "the graph");
  const cudnnBackendDescriptor_t raw_graph = graph.raw();
  CudnnDescriptor& heuristics = Begin(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.Link(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, raw_graph);
  heuristics.Set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, CUDNN_HEUR_MODE_A);
  End(heuristics, "asking how to compute it");
  const cudnnBackendDescriptor_t raw_heuristics = heuristics.raw();
  std::vector<cudnnBackendDescriptor_t> choices;
  for (int64_t i = 0; i < kChoicesMax && trouble_.empty(); ++i) {
    choices.push_back(Begin(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR).raw());
  }
  int64_t count = 0;
  if (trouble_.empty()) {
    const cudnnStatus_t status =
        library_.get_attribute(raw_heuristics, CUDNN_ATTR_ENGINEHEUR_RESULTS,
                               CUDNN_TYPE_BACKEND_DESCRIPTOR, kChoicesMax, &count, choices.data());
    if (status != CUDNN_STATUS_SUCCESS) {
      trouble_ = std::string("its answer: ") + library_.error_text(status);
    } else if (count == 0) {
      trouble_ = "it has no way to compute it";
    }
  }
  if (trouble_.empty()) {
    for (int64_t i = 0; i < std::min(count, kChoicesMax); ++i) {
      if (TryPlan(choices[static_cast<size_t>(i)], plan)) return true;
    }
  }
  *trouble = trouble_;
  return false;
}

}  // namespace dure::model::cuda
