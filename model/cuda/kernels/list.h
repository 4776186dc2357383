// Every kernel with its number in the table between the engine and the plug-in (table.h). A kernel
// that changes its arguments or its number changes kTableVersion with it.
#pragma once

#include "model/cuda/kernels/attention.h"
#include "model/cuda/kernels/attention_backward.h"
#include "model/cuda/kernels/cross_entropy.h"
#include "model/cuda/kernels/decode.h"
#include "model/cuda/kernels/decode_vectors.h"
#include "model/cuda/kernels/embedding.h"
#include "model/cuda/kernels/muon.h"
#include "model/cuda/kernels/optimizer.h"
#include "model/cuda/kernels/pointwise.h"
#include "model/cuda/kernels/rms_norm.h"
#include "model/cuda/kernels/update_codec.h"

namespace dure::model::cuda {

// Heads of up to 64 and up to 128 numbers.
template <typename T>
using Attention64 = Attention<T, 64>;
template <typename T>
using Attention128 = Attention<T, 128>;
template <typename T>
using AttentionBackwardQueries64 = AttentionBackwardQueries<T, 64>;
template <typename T>
using AttentionBackwardQueries128 = AttentionBackwardQueries<T, 128>;
template <typename T>
using AttentionBackwardKeys64 = AttentionBackwardKeys<T, 64>;
template <typename T>
using AttentionBackwardKeys128 = AttentionBackwardKeys<T, 128>;

// X(kernel) for each, in the order of their numbers.
#define DURE_CUDA_KERNELS_OF(X, T)  \
  X(Embed<T>)                       \
  X(EmbedBackward<T>)               \
  X(RmsNorm<T>)                     \
  X(RmsNormBackward<T>)             \
  X(RmsNormBackwardHeld<T>)         \
  X(Rope<T>)                        \
  X(SwiGlu<T>)                      \
  X(SwiGluBackward<T>)              \
  X(CrossEntropy<T>)                \
  X(Attention64<T>)                 \
  X(Attention128<T>)                \
  X(AttentionDelta<T>)              \
  X(AttentionBackwardQueries64<T>)  \
  X(AttentionBackwardQueries128<T>) \
  X(AttentionBackwardKeys64<T>)     \
  X(AttentionBackwardKeys128<T>)    \
  X(DecodeSplit<T>)                 \
  X(QkvVector<T>)                   \
  X(OutVector<T>)                   \
  X(GateUpVector<T>)                \
  X(DownVector<T>)                  \
  X(HeadVector<T>)                  \
  X(CopyColumns<T>)                 \
  X(AdamW<T>)                       \
  X(ToUnitLength<T>)                \
  X(MuonApply<T>)                   \
  X(Convert<T>)
#define DURE_CUDA_KERNELS(X)     \
  DURE_CUDA_KERNELS_OF(X, float) \
  DURE_CUDA_KERNELS_OF(X, Bf16)  \
  X(ColumnSums)                  \
  X(Sums)                        \
  X(AddTo)                       \
  X(MuonMomentum)                \
  X(Scale)                       \
  X(ChooseToken)                 \
  X(QuantiseUpdate8)             \
  X(QuantiseUpdate16)            \
  X(DequantiseAdd<int8_t>)       \
  X(DequantiseAdd<int16_t>)

template <typename... Kernels>
struct KernelList {
  static constexpr uint32_t kCount = sizeof...(Kernels) - 1;  // without the void at its end
};
#define DURE_CUDA_LIST(kernel) kernel,
using AllKernels = KernelList<DURE_CUDA_KERNELS(DURE_CUDA_LIST) void>;
#undef DURE_CUDA_LIST

template <typename Kernel, typename List>
struct NumberIn;
template <typename Kernel, typename... Rest>
struct NumberIn<Kernel, KernelList<Kernel, Rest...>> {
  static constexpr uint32_t kValue = 0;
};
template <typename Kernel, typename First, typename... Rest>
struct NumberIn<Kernel, KernelList<First, Rest...>> {
  static constexpr uint32_t kValue = 1 + NumberIn<Kernel, KernelList<Rest...>>::kValue;
};
template <typename Kernel>
inline constexpr uint32_t kNumberOf = NumberIn<Kernel, AllKernels>::kValue;

}  // namespace dure::model::cuda
