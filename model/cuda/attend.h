// Who computes attention: the device's library where it has one that computes the shape, otherwise
// our own kernels, chosen by the width of the heads.
#pragma once

#include <type_traits>

#include "model/cuda/device.h"

namespace dure::model::cuda {

// By our own kernels. REQUIRES: shape.dim <= kHeadDimMax.
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

// What the library's gradients of attention need beside the tensors: sums of dq in fp32, sums of
// rows, gradients of shared heads before they are added, and what it keeps to itself.
inline uint64_t AttentionScratchBytes(uint64_t rows, uint32_t heads, uint32_t kv_heads,
                                      uint32_t dim, bool trains) {
  constexpr uint64_t kOfItsOwn = uint64_t{16} << 20;
  if (!trains) return kOfItsOwn;
  const uint64_t numbers = rows * heads * dim;
  return kOfItsOwn + rows * heads * sizeof(float) + numbers * sizeof(float) +
         (heads == kv_heads ? 0 : 2 * numbers * sizeof(Bf16));
}

// Attention of whole sequences (queries == keys), forward and backward by the same of the two.
// Choose before each pass of another shape.
template <typename T>
class SequenceAttention {
 public:
  // `scratch` of AttentionScratchBytes of the most rows; with by_kernels only our own kernels are
  // used, which give the same bits each time: the library adds in an order that varies.
  SequenceAttention(Device& device, uint8_t* scratch, uint64_t scratch_bytes, bool trains,
                    bool by_kernels)
      : device_(device),
        scratch_(scratch),
        scratch_bytes_(scratch_bytes),
        trains_(trains),
        by_kernels_(by_kernels) {}

  void Choose(const AttentionShape& shape) {
    shape_ = shape;
    by_library_ = false;
    if constexpr (std::is_same_v<T, Bf16>) {
      if (by_kernels_) return;
      AttentionCall call = CallOf(nullptr, nullptr, nullptr, nullptr, nullptr);
      call.dout = trains_ ? scratch_ : nullptr;
      by_library_ = shape.batch > 0 && device_.CanAttend(call);
    }
  }
  bool by_library() const { return by_library_; }

  void Forward(const T* q, const T* k, const T* v, T* out, float* log_sum) {
    if (by_library_) return device_.Attend(CallOf(q, k, v, out, log_sum));
    Attend(device_, shape_, q, k, v, out, log_sum);
  }

  // What the gradients are made of, and where they go; rows as those of q, k and v.
  struct Gradients {
    const T* q;
    const T* k;
    const T* v;
    const T* dout;
    T* dq;
    T* dk;
    T* dv;
  };
  // out and log_sum as Forward left them; `delta` [rows, heads] is scratch of our own kernels.
  void Backward(const Gradients& g, T* out, float* log_sum, float* delta) {
    if (by_library_) {
      AttentionCall call = CallOf(g.q, g.k, g.v, out, log_sum);
      call.dout = g.dout;
      call.dq = g.dq;
      call.dk = g.dk;
      call.dv = g.dv;
      return device_.Attend(call);
    }
    device_.Launch<AttentionDelta<T>>(
        {out, g.dout, delta, shape_.batch * shape_.queries, shape_.heads, shape_.dim});
    AttendBackward<T>(device_, {shape_, g.q, g.k, g.v, g.dout, log_sum, delta, g.dq, g.dk, g.dv});
  }

 private:
  AttentionCall CallOf(const T* q, const T* k, const T* v, T* out, float* log_sum) const {
    AttentionCall call{};
    call.batch = shape_.batch;
    call.sequence = shape_.queries;
    call.heads = shape_.heads;
    call.kv_heads = shape_.kv_heads;
    call.dim = shape_.dim;
    call.stride = shape_.q_stride;
    call.scale = shape_.scale;
    call.q = q;
    call.k = k;
    call.v = v;
    call.out = out;
    call.log_sum = log_sum;
    call.scratch = scratch_;
    call.scratch_bytes = scratch_bytes_;
    return call;
  }

  Device& device_;
  uint8_t* const scratch_;
  const uint64_t scratch_bytes_;
  const bool trains_;
  const bool by_kernels_;
  AttentionShape shape_{};
  bool by_library_ = false;
};

}  // namespace dure::model::cuda
