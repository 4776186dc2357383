// What changes from one decoded token to the next: it stands in device memory, so that the same
// sequence of launches makes every token.
#pragma once

#include "model/cuda/kernels/number.h"

namespace dure::model::cuda {

struct DecodeState {
  uint32_t position;  // of the token that is read
  uint32_t token;     // that token
};

// Attention over the cache is split over the keys so that the whole device reads it: at most so
// many blocks a head, each with a multiple of so many keys.
inline constexpr uint32_t kDecodeSplits = 8;
inline constexpr uint32_t kDecodeKeys = 128;
// Keys [i, i + 1) times this are those of split i.
DURE_HOST_DEVICE uint32_t KeysOfSplit(uint32_t count) {
  return CeilDiv(CeilDiv(count, kDecodeKeys), kDecodeSplits) * kDecodeKeys;
}

// A split's softmax: the highest score, and the sum of the exponentials of what scores are below
// it.
struct SplitSum {
  float most;
  float sum;
};

}  // namespace dure::model::cuda
