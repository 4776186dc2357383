// The three matrix products of a linear layer, y = x wᵀ with w [out, in], row-major without gaps.
#pragma once

#include "model/cuda/device.h"

namespace dure::model::cuda {

struct Linear {
  uint32_t rows;
  uint32_t out;
  uint32_t in;
};

// y [rows, out] = x [rows, in] wᵀ, plus `residual` [rows, out] where given (it may be y).
template <typename T, typename Y>
void Apply(Device& device, const Linear& size, const T* x, const T* w, Y* y,
           const Y* residual = nullptr) {
  if (size.rows == 0) return;
  device.Multiply({x, w, residual, y, size.in, size.in, size.out, size.rows, size.out, size.in, 0,
                   1, kTypeOf<T>, kTypeOf<Y>, 1.0F, residual == nullptr ? 0.0F : 1.0F});
}

// dx [rows, in] = dy [rows, out] w.
template <typename T>
void InputGradient(Device& device, const Linear& size, const T* dy, const T* w, T* dx) {
  if (size.rows == 0) return;
  device.Multiply({dy, w, nullptr, dx, size.out, size.in, size.in, size.rows, size.in, size.out, 0,
                   0, kTypeOf<T>, kTypeOf<T>, 1.0F, 0.0F});
}

// dw [out, in] += dyᵀ x, in fp32.
template <typename T>
void AddWeightGradient(Device& device, const Linear& size, const T* dy, const T* x, float* dw) {
  if (size.rows == 0) return;
  device.Multiply({dy, x, dw, dw, size.out, size.in, size.in, size.out, size.in, size.rows, 1, 0,
                   kTypeOf<T>, NumberType::kFloat, 1.0F, 1.0F});
}

}  // namespace dure::model::cuda
