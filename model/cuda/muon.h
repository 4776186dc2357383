// Muon (Jordan et al. 2024): a matrix's momentum is replaced by a matrix near the closest one with
// orthonormal rows or columns, found by five steps of a Newton-Schulz iteration, which are matrix
// products. Its length is set to that of an AdamW update (Liu et al. 2025), so that one learning
// rate serves both.
#pragma once

#include <vector>

#include "model/cuda/device_plan.h"
#include "model/layout.h"

namespace dure::model::cuda {

// The matrices that Muon updates: all but embedding and head. In the order of the layout.
std::vector<TensorSpec> MuonMatrices(const Layout& layout);

template <typename T>
struct MuonBuffers {
  T* x[2];  // the largest matrix
  T* a;     // its smaller side, squared
  T* b;
  double* parts;
};
template <typename T>
MuonBuffers<T> PlanMuon(const std::vector<TensorSpec>& matrices, DevicePlan& plan);

struct MuonOptions {
  double learning_rate;
  double weight_decay;
  double gradient_scale;
  double momentum = 0.95;
};
// Of one matrix [rows, columns].
template <typename T>
struct MuonTensors {
  float* parameters;
  float* gradients;  // destroyed
  float* m;
  T* weights;
};
template <typename T>
void MuonUpdate(Device& device, const MuonBuffers<T>& buffers, const TensorSpec& matrix,
                const MuonOptions& options, const MuonTensors<T>& tensors);

}  // namespace dure::model::cuda
