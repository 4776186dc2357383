// One pass through the model for a batch of sequences: forward, loss, and backward.
//
// Workers share out the sequences; each takes its own through all layers without waiting. In the
// backward they meet after each layer, because a weight's gradient sums over all rows: there each
// worker computes some rows of each weight's gradient over the whole batch, so no gradient is ever
// held twice.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/config.h"
#include "model/cpu/activations.h"
#include "model/cpu/products.h"
#include "model/cpu/rope.h"
#include "model/cpu/weights.h"
#include "model/cpu/workers.h"

namespace dure::model::cpu {

struct TokenBatch {
  std::span<const uint32_t> inputs;   // [sequences, sequence], each below vocab
  std::span<const uint32_t> targets;  // as many; below vocab or kIgnoredTarget
};

// What is done around a pass when weights or gradients are not all at hand: on a rank of a gang.
// Layers count from 0, parts as in weights.h. Each is called by one worker; in the first two all
// others wait.
class PassHooks {
 public:
  virtual ~PassHooks() = default;
  // The layer's weights are read next.
  virtual void BeforeForward(uint32_t layer) = 0;
  // The layer's weights are read next, and its gradient is added to.
  virtual void BeforeBackward(uint32_t layer) = 0;
  // This pass adds no more to the part's gradient.
  virtual void GradientDone(uint32_t part) = 0;
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

  // The same with weights and gradients that the hooks bring and take away; without tokens it adds
  // nothing and calls the hooks all the same. REQUIRES: 0 to shape.batch sequences.
  double LossAndGradient(Workers& workers, const Weights<const float>& weights,
                         const TokenBatch& tokens, float scale, const Weights<float>& gradients,
                         PassHooks* hooks);

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
    PassHooks* hooks = nullptr;
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
  void AddNormGradient(uint32_t norm, uint32_t worker, float* dw);
  float* NormGradient(uint32_t worker, uint32_t norm) const;

  // The gradient of the stream after layer `place - 1`, which is before layer `place`.
  float* dstream(uint32_t place) const { return activations_.dstream[place % 2]; }

  const LlamaConfig config_;
  const BatchShape shape_;
  const Rope rope_;
  Activations activations_;
  std::vector<Products> products_;  // one a worker
};

}  // namespace dure::model::cpu
