// One pass through the model for a batch of sequences: forward, loss, and backward.
//
// Workers share out the sequences; each takes its own through all layers without waiting. In the
// backward they meet after each layer, because a weight's gradient sums over all rows: there each
// worker computes some rows of each weight's gradient over the whole batch, so no gradient is ever
// held twice.
#pragma once

#include <cstdint>
#include <span>

#include "model/config.h"
#include "model/cpu/activations.h"
#include "model/cpu/rope.h"
#include "model/cpu/weights.h"
#include "model/cpu/workers.h"

namespace dure::model::cpu {

struct TokenBatch {
  std::span<const uint32_t> inputs;   // [sequences, sequence], each below vocab
  std::span<const uint32_t> targets;  // as many; below vocab or kIgnoredTarget
};

class Transformer {
 public:
  // Takes its buffers from the plan. REQUIRES: as PlanActivations.
  Transformer(const LlamaConfig& config, const BatchShape& shape, MemoryPlan& plan);

  // The summed negative log likelihood of the targets. REQUIRES: a whole number of sequences, 1 to
  // shape.batch; workers.size() == shape.threads.
  double Loss(Workers& workers, const float* parameters, const TokenBatch& tokens);

  // The same, and adds scale times its gradient to `gradients`. REQUIRES: also shape.trains.
  double LossAndGradient(Workers& workers, const float* parameters, const TokenBatch& tokens,
                         float scale, float* gradients);

 private:
  // The rows of one worker: whole sequences.
  struct Slab {
    uint32_t worker;
    size_t begin;
    size_t end;
    size_t rows() const { return end - begin; }
  };
  // What one pass is about; lives during the pass.
  struct Pass {
    Workers& workers;
    const TokenBatch& tokens;
    Weights<const float> weights;
    Weights<float> gradients;  // empty without a backward
    float scale = 0;
    size_t rows() const { return tokens.inputs.size(); }
  };

  Slab SlabOf(const Pass& pass, uint32_t worker) const;
  size_t qkv_dim() const { return config_.dim + size_t{2} * config_.kv_dim(); }

  // forward.cc
  void Forward(const Pass& pass, const Slab& slab);
  void ForwardAttention(const LayerWeights<const float>& w, const LayerActivations& a,
                        const Slab& slab);
  void ForwardMlp(const LayerWeights<const float>& w, const LayerActivations& a, const Slab& slab,
                  float* next);
  // head.cc
  double HeadLoss(const Pass& pass, const Slab& slab);
  double HeadLossAndGradient(const Pass& pass, const Slab& slab);
  // backward.cc
  void Backward(const Pass& pass, const Slab& slab);
  void BackwardMlp(const LayerWeights<const float>& w, const LayerActivations& a, const Slab& slab,
                   uint32_t layer);
  void BackwardAttention(const LayerWeights<const float>& w, const LayerActivations& a,
                         const Slab& slab, uint32_t layer);
  void LayerWeightGradients(const Pass& pass, const Slab& slab, uint32_t layer);
  void NormGradients(const Pass& pass, uint32_t worker);
  float* NormGradient(uint32_t worker, uint32_t norm) const;

  // The gradient of the stream after layer `place - 1`, which is before layer `place`.
  float* dstream(uint32_t place) const { return activations_.dstream[place % 2]; }

  const LlamaConfig config_;
  const BatchShape shape_;
  const Rope rope_;
  Activations activations_;
};

}  // namespace dure::model::cpu
