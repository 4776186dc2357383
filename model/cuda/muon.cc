#include "model/cuda/muon.h"

#include <algorithm>
#include <cmath>

namespace dure::model::cuda {
namespace {

constexpr int kIterations = 5;
// Of x' = a x + b (x xᵀ) x + c (x xᵀ)² x: brings singular values of (0, 1] near 1.
constexpr float kA = 3.4445F;
constexpr float kB = -4.7750F;
constexpr float kC = 2.0315F;
// Of the root mean square of an update, relative to an orthonormal matrix's: AdamW's.
constexpr double kLength = 0.2;

// d [rows, columns] = alpha op(a) op(b) + beta c, square or not, without gaps.
template <typename T>
struct Product {
  const T* a;
  const T* b;
  const T* c;
  T* d;
  uint32_t rows, columns, inner;
  bool a_transposed = false;
  bool b_transposed = false;
  float alpha = 1;
  float beta = 0;
};
template <typename T>
void Multiply(Device& device, const Product<T>& p) {
  device.Multiply({p.a, p.b, p.c, p.d, p.a_transposed ? p.rows : p.inner,
                   p.b_transposed ? p.inner : p.columns, p.columns, p.rows, p.columns, p.inner,
                   p.a_transposed, p.b_transposed, kTypeOf<T>, kTypeOf<T>, p.alpha, p.beta});
}

// One step from x to y, through the Gram matrix of the smaller side.
template <typename T>
void Iterate(Device& device, const MuonBuffers<T>& buffers, uint32_t rows, uint32_t columns,
             const T* x, T* y) {
  const bool is_wide = rows <= columns;
  const uint32_t side = std::min(rows, columns);
  T* const a = buffers.a;
  T* const b = buffers.b;
  Multiply<T>(device, {.a = x,
                       .b = x,
                       .c = nullptr,
                       .d = a,
                       .rows = side,
                       .columns = side,
                       .inner = std::max(rows, columns),
                       .a_transposed = !is_wide,
                       .b_transposed = is_wide});
  Multiply<T>(device, {.a = a,
                       .b = a,
                       .c = a,
                       .d = b,
                       .rows = side,
                       .columns = side,
                       .inner = side,
                       .alpha = kC,
                       .beta = kB});
  Multiply<T>(device, {.a = is_wide ? b : x,
                       .b = is_wide ? x : b,
                       .c = x,
                       .d = y,
                       .rows = rows,
                       .columns = columns,
                       .inner = side,
                       .beta = kA});
}

}  // namespace

std::vector<TensorSpec> MuonMatrices(const Layout& layout) {
  std::vector<TensorSpec> matrices;
  for (const TensorSpec& tensor : layout.tensors()) {
    const bool is_end =
        tensor.name == "model.embed_tokens.weight" || tensor.name == "lm_head.weight";
    if (tensor.shape.size() == 2 && !is_end) matrices.push_back(tensor);
  }
  return matrices;
}

template <typename T>
MuonBuffers<T> PlanMuon(const std::vector<TensorSpec>& matrices, DevicePlan& plan) {
  uint64_t largest = 0;
  uint64_t side = 0;
  for (const TensorSpec& matrix : matrices) {
    largest = std::max(largest, matrix.size);
    side = std::max(side, std::min(matrix.shape[0], matrix.shape[1]));
  }
  MuonBuffers<T> buffers{};
  for (T*& x : buffers.x) x = plan.Take<T>(largest);
  buffers.a = plan.Take<T>(side * side);
  buffers.b = plan.Take<T>(side * side);
  buffers.parts = plan.Take<double>(Sums::kBlocks);
  return buffers;
}

template <typename T>
void MuonUpdate(Device& device, const MuonBuffers<T>& buffers, const TensorSpec& matrix,
                const MuonOptions& options, const MuonTensors<T>& tensors) {
  const auto rows = static_cast<uint32_t>(matrix.shape[0]);
  const auto columns = static_cast<uint32_t>(matrix.shape[1]);
  device.Launch<MuonMomentum>({tensors.gradients, tensors.m, matrix.size,
                               static_cast<float>(options.gradient_scale),
                               static_cast<float>(options.momentum)});
  device.Launch<Sums>({tensors.gradients, buffers.parts, matrix.size, true});
  device.Launch<ToUnitLength<T>>(
      {tensors.gradients, buffers.parts, buffers.x[0], matrix.size, Sums::kBlocks});
  for (int i = 0; i < kIterations; ++i) {
    Iterate(device, buffers, rows, columns, buffers.x[i % 2], buffers.x[(i + 1) % 2]);
  }
  const double length = kLength * std::sqrt(static_cast<double>(std::max(rows, columns)));
  device.Launch<MuonApply<T>>(
      {tensors.parameters, buffers.x[kIterations % 2], tensors.weights, matrix.size,
       static_cast<float>(1.0 - options.learning_rate * options.weight_decay),
       static_cast<float>(options.learning_rate * length)});
}

template MuonBuffers<float> PlanMuon<float>(const std::vector<TensorSpec>&, DevicePlan&);
template MuonBuffers<Bf16> PlanMuon<Bf16>(const std::vector<TensorSpec>&, DevicePlan&);
template void MuonUpdate<float>(Device&, const MuonBuffers<float>&, const TensorSpec&,
                                const MuonOptions&, const MuonTensors<float>&);
template void MuonUpdate<Bf16>(Device&, const MuonBuffers<Bf16>&, const TensorSpec&,
                               const MuonOptions&, const MuonTensors<Bf16>&);

}  // namespace dure::model::cuda
