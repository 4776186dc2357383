#include "model/cuda/emulated/emulated_attention.h"

#include <algorithm>
#include <vector>

#include "model/cuda/kernels/list.h"

namespace dure::model::cuda {
namespace {

constexpr uint64_t kScratchBytes = 4096;

template <typename Kernel>
int Launch(const EmulatedLauncher& launch, const typename Kernel::Args& args) {
  return launch(kNumberOf<Kernel>, &args, sizeof args);
}

AttentionShape ShapeOf(const AttentionCall& c) {
  return {c.batch, c.sequence, c.sequence, c.heads, c.kv_heads, c.dim, c.stride, c.stride, c.scale};
}

// [batch, heads, sequence] of [batch, sequence, heads], or back.
std::vector<float> Exchanged(const AttentionCall& c, const float* in, bool back) {
  std::vector<float> out(uint64_t{c.batch} * c.sequence * c.heads);
  for (uint64_t b = 0; b < c.batch; ++b) {
    for (uint64_t s = 0; s < c.sequence; ++s) {
      for (uint64_t h = 0; h < c.heads; ++h) {
        const uint64_t by_row = (b * c.sequence + s) * c.heads + h;
        const uint64_t by_head = (b * c.heads + h) * c.sequence + s;
        out[back ? by_row : by_head] = in[back ? by_head : by_row];
      }
    }
  }
  return out;
}

int Forward(const EmulatedLauncher& launch, const AttentionCall& c) {
  std::vector<float> log_sum(uint64_t{c.batch} * c.sequence * c.heads);
  const Attention<Bf16, 128>::Args args{ShapeOf(c),
                                        static_cast<const Bf16*>(c.q),
                                        static_cast<const Bf16*>(c.k),
                                        static_cast<const Bf16*>(c.v),
                                        static_cast<Bf16*>(c.out),
                                        log_sum.data()};
  const int result = Launch<Attention<Bf16, 128>>(launch, args);
  std::ranges::copy(Exchanged(c, log_sum.data(), false), c.log_sum);
  return result;
}

int Backward(const EmulatedLauncher& launch, const AttentionCall& c) {
  const std::vector<float> log_sum = Exchanged(c, c.log_sum, true);
  std::vector<float> delta(log_sum.size());
  const auto* const out = static_cast<const Bf16*>(c.out);
  const auto* const dout = static_cast<const Bf16*>(c.dout);
  const AttentionGradientArgs<Bf16> args{ShapeOf(c),
                                         static_cast<const Bf16*>(c.q),
                                         static_cast<const Bf16*>(c.k),
                                         static_cast<const Bf16*>(c.v),
                                         dout,
                                         log_sum.data(),
                                         delta.data(),
                                         static_cast<Bf16*>(c.dq),
                                         static_cast<Bf16*>(c.dk),
                                         static_cast<Bf16*>(c.dv)};
  int result = Launch<AttentionDelta<Bf16>>(
      launch, {out, dout, delta.data(), c.batch * c.sequence, c.heads, c.dim});
  if (result == 0) result = Launch<AttentionBackwardQueries<Bf16, 128>>(launch, args);
  if (result == 0) result = Launch<AttentionBackwardKeys<Bf16, 128>>(launch, args);
  return result;
}

}  // namespace

uint64_t EmulatedAttentionScratch(const AttentionCall& call) {
  return call.sequence % 128 == 0 ? kScratchBytes : 0;
}

int EmulateAttention(const EmulatedLauncher& launch, const AttentionCall& call) {
  return call.dout == nullptr ? Forward(launch, call) : Backward(launch, call);
}

}  // namespace dure::model::cuda
