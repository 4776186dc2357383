// Which kernel computes attention: by the width of its heads.
#pragma once

#include "model/cuda/device.h"

namespace dure::model::cuda {

// REQUIRES: shape.dim <= kHeadDimMax.
template <typename T>
void Attend(Device& device, const AttentionShape& shape, const T* q, const T* k, const T* v, T* out,
            float* log_sum) {
  if (shape.dim <= 64) {
    device.Launch<Attention<T, 64>>({shape, q, k, v, out, log_sum});
  } else {
    device.Launch<Attention<T, 128>>({shape, q, k, v, out, log_sum});
  }
}

template <typename T>
void AttendBackward(Device& device, const AttentionGradientArgs<T>& args) {
  if (args.shape.dim <= 64) {
    device.Launch<AttentionBackwardQueries<T, 64>>(args);
    device.Launch<AttentionBackwardKeys<T, 64>>(args);
  } else {
    device.Launch<AttentionBackwardQueries<T, 128>>(args);
    device.Launch<AttentionBackwardKeys<T, 128>>(args);
  }
}

}  // namespace dure::model::cuda
