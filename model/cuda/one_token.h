// A token's pass through the model, alone: each matrix is read by one kernel that does with the
// vector what stands before and behind it. What changes from token to token is read from device
// memory, so the same launches make each.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "model/cpu/weights.h"
#include "model/cuda/device.h"
#include "model/cuda/device_plan.h"

namespace dure::model::cuda {

template <typename T>
struct Cache {
  std::vector<T*> keys;    // a layer: [context, kv_dim]
  std::vector<T*> values;  // a layer: [context, kv_dim]
  float* cosine;           // [context, head_dim / 2]
  float* sine;
};

template <typename T>
struct TokenBuffers {
  DecodeState* state;
  uint32_t* made;  // [context + 1] tokens by their position, where ChooseToken chose them
  T* stream;       // [dim]
  T* q;            // [dim]
  T* parts;        // [kDecodeSplits, dim]
  SplitSum* sums;  // [kDecodeSplits, heads]
  T* activated;    // [ffn_dim]
  float* logits;   // [vocab]
};

template <typename T>
TokenBuffers<T> PlanToken(const LlamaConfig& c, DevicePlan& plan) {
  TokenBuffers<T> b{};
  b.state = plan.Take<DecodeState>(1);
  b.made = plan.Take<uint32_t>(uint64_t{c.context} + 1);
  b.stream = plan.Take<T>(c.dim);
  b.q = plan.Take<T>(c.dim);
  b.parts = plan.Take<T>(uint64_t{kDecodeSplits} * c.dim);
  b.sums = plan.Take<SplitSum>(uint64_t{kDecodeSplits} * c.heads);
  b.activated = plan.Take<T>(c.ffn_dim);
  b.logits = plan.Take<float>(c.vocab);
  return b;
}

// REQUIRES: what it is made of outlives it.
template <typename T>
class OneToken {
 public:
  OneToken(Device& device, const LlamaConfig& config, const cpu::Weights<const T>& weights,
           const Cache<T>& cache, const TokenBuffers<T>& buffers)
      : device_(device), c_(config), weights_(weights), cache_(cache), b_(buffers) {}

  // Queues the pass of the token of state, its keys and values put behind those of the cache, and
  // the choice of the next. Recorded the second time: the first may load code, a recording may not.
  void Step() {
    if (steps_ == 1) sequence_ = device_.Record([this] { Queue(); });
    steps_ = std::min(steps_ + 1, 2U);
    sequence_ ? sequence_->Replay() : Queue();
  }
  // Queues the logits of a row before the last norm.
  void Head(const T* row) {
    device_.Launch<HeadVector<T>>(
        {HeadVector<T>::WorkOf(weights_.head, c_.vocab, c_.dim, kHeadRounds),
         Normed(row, weights_.norm), b_.logits});
  }
  // Queues the choice of the next token; state is then of that one.
  void Choose() { device_.Launch<ChooseToken>({b_.logits, b_.state, b_.made, c_.vocab}); }

 private:
  NormedVector<T> Normed(const T* x, const T* weight) const {
    return {x, weight, static_cast<float>(c_.norm_eps)};
  }
  void Queue() {
    device_.Launch<Embed<T>>({&b_.state->token, weights_.embedding, b_.stream, 1, c_.dim});
    for (uint32_t i = 0; i < c_.layers; ++i) Layer(i);
    Head(b_.stream);
    Choose();
  }
  void Layer(uint32_t layer) {
    const cpu::LayerWeights<const T>& w = weights_.layers[layer];
    const uint32_t dim = c_.dim;
    const uint32_t head_dim = c_.head_dim();
    T* const keys = cache_.keys[layer];
    T* const values = cache_.values[layer];
    device_.Launch<QkvVector<T>>(
        {QkvVector<T>::WorkOf(w.qkv, dim / 2 + c_.kv_dim(), dim, kQkvRounds),
         Normed(b_.stream, w.attention_norm), cache_.cosine, cache_.sine, b_.state, b_.q, keys,
         values, c_.heads, c_.kv_heads, head_dim / 2});
    device_.Launch<DecodeSplit<T>>({b_.q, keys, values, b_.parts, b_.sums, b_.state, c_.heads,
                                    c_.kv_heads, head_dim,
                                    1.0F / std::sqrt(static_cast<float>(head_dim))});
    device_.Launch<OutVector<T>>(
        {OutVector<T>::WorkOf(w.out, dim, dim), b_.parts, b_.sums, b_.stream, c_.heads, head_dim});
    device_.Launch<GateUpVector<T>>(
        {GateUpVector<T>::WorkOf(w.gate_up, c_.ffn_dim, dim, kGateUpRounds),
         Normed(b_.stream, w.mlp_norm), b_.activated});
    device_.Launch<DownVector<T>>(
        {DownVector<T>::WorkOf(w.down, dim, c_.ffn_dim, kDownRounds), b_.activated, b_.stream});
  }

  Device& device_;
  const LlamaConfig& c_;
  const cpu::Weights<const T>& weights_;
  const Cache<T>& cache_;
  const TokenBuffers<T>& b_;
  uint32_t steps_ = 0;  // up to 2
  std::unique_ptr<Sequence> sequence_;
};

}  // namespace dure::model::cuda
