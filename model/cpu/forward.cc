// The forward pass, and the two entry points.
#include <algorithm>
#include <vector>

#include "federation/check.h"
#include "model/cpu/attention.h"
#include "model/cpu/embedding.h"
#include "model/cpu/rms_norm.h"
#include "model/cpu/swiglu.h"
#include "model/cpu/transformer.h"

namespace dure::model::cpu {

Transformer::Transformer(const LlamaConfig& config, const BatchShape& shape, MemoryPlan& plan)
    : config_(config),
      shape_(shape),
      rope_(shape.sequence, config.head_dim(), config.rope_theta),
      activations_(PlanActivations(config, shape, plan)) {
  for (size_t i = 0; i < shape.threads; ++i) {
    const size_t at = i * (kProductRoomBytes / sizeof(float));
    float* const rooms = activations_.product_rooms;
    products_.emplace_back(shape.precision, rooms == nullptr ? nullptr : rooms + at);
  }
}

Transformer::Slab Transformer::SlabOf(const Pass& pass, uint32_t worker) const {
  const Share share = ShareOf(pass.rows() / shape_.sequence, worker, shape_.threads);
  return {worker, share.begin * shape_.sequence, share.end * shape_.sequence};
}

double Transformer::Loss(Workers& workers, const float* parameters, const TokenBatch& tokens) {
  const Pass pass{workers, tokens, WeightsOf(config_, parameters), {}};
  std::vector<double> losses(shape_.threads);
  workers.Run([&](uint32_t worker) {
    const Slab slab = SlabOf(pass, worker);
    Forward(pass, slab);
    losses[worker] = HeadLoss(pass, slab);
  });
  double loss = 0;
  for (const double part : losses) loss += part;
  return loss;
}

double Transformer::LossAndGradient(Workers& workers, const float* parameters,
                                    const TokenBatch& tokens, float scale, float* gradients) {
  return LossAndGradient(workers, WeightsOf(config_, parameters), tokens, scale,
                         WeightsOf(config_, gradients), nullptr);
}

double Transformer::LossAndGradient(Workers& workers, const Weights<const float>& weights,
                                    const TokenBatch& tokens, float scale,
                                    const Weights<float>& gradients, PassHooks* hooks) {
  DURE_CHECK(shape_.trains, "only a training plan holds what the backward reads");
  const Pass pass{workers, tokens, weights, gradients, scale, hooks};
  std::vector<double> losses(shape_.threads);
  workers.Run([&](uint32_t worker) {
    const Slab slab = SlabOf(pass, worker);
    Forward(pass, slab);
    losses[worker] = HeadLossAndGradient(pass, slab);
    Backward(pass, slab);
  });
  if (hooks != nullptr) hooks->GradientDone(0);
  double loss = 0;
  for (const double part : losses) loss += part;
  return loss;
}

void Transformer::Forward(const Pass& pass, const Slab& slab) {
  const size_t at = slab.begin * config_.dim;
  Embed(pass.tokens.inputs.subspan(slab.begin, slab.rows()), config_.dim, pass.weights.embedding,
        activations_.layers[0].stream + at);
  for (uint32_t i = 0; i < config_.layers; ++i) {
    const bool is_last = i + 1 == config_.layers;
    float* next = is_last ? activations_.last : activations_.layers[i + 1].stream;
    if (pass.hooks != nullptr) {
      pass.workers.Barrier();  // nobody reads the layer before any more
      if (slab.worker == 0) pass.hooks->BeforeForward(i);
      pass.workers.Barrier();
    }
    ForwardAttention(pass.weights.layers[i], activations_.layers[i], slab);
    ForwardMlp(pass.weights.layers[i], activations_.layers[i], slab, next);
  }
  RmsNorm(slab.rows(), config_.dim, config_.norm_eps, activations_.last + at, pass.weights.norm,
          activations_.normal + at, activations_.last_inverse + slab.begin);
}

void Transformer::ForwardAttention(const LayerWeights<const float>& w, const LayerActivations& a,
                                   const Slab& slab) {
  const size_t dim = config_.dim;
  const size_t sequence = shape_.sequence;
  const size_t at = slab.begin * dim;
  float* normal = activations_.normal + at;
  float* qkv = a.qkv + slab.begin * qkv_dim();
  RmsNorm(slab.rows(), dim, config_.norm_eps, a.stream + at, w.attention_norm, normal,
          a.attention_inverse + slab.begin);
  products_[slab.worker].MatmulTransposed({slab.rows(), qkv_dim(), dim}, {normal, dim},
                                          {w.qkv, dim}, {qkv, qkv_dim()});
  const AttentionShape shape{sequence, sequence, config_.heads, config_.kv_heads,
                             config_.head_dim()};
  for (size_t row = 0; row < slab.rows(); row += sequence) {
    float* q = qkv + row * qkv_dim();
    rope_.Rotate({q, sequence, qkv_dim(), config_.heads + config_.kv_heads});
    const AttentionInput in{q, qkv_dim(), q + dim, q + dim + config_.kv_dim(), qkv_dim()};
    Attention(shape, in, a.attended + at + row * dim,
              a.log_sum + (slab.begin + row) * config_.heads,
              activations_.scratch + slab.worker * activations_.scratch_floats);
  }
  std::copy_n(a.stream + at, slab.rows() * dim, a.middle + at);
  products_[slab.worker].MatmulTransposed({slab.rows(), dim, dim}, {a.attended + at, dim},
                                          {w.out, dim}, {a.middle + at, dim}, {.beta = 1.0f});
}

void Transformer::ForwardMlp(const LayerWeights<const float>& w, const LayerActivations& a,
                             const Slab& slab, float* next) {
  const size_t dim = config_.dim;
  const size_t ffn = config_.ffn_dim;
  const size_t at = slab.begin * dim;
  float* normal = activations_.normal + at;
  float* gate_up = a.gate_up + slab.begin * 2 * ffn;
  float* activated = activations_.activated + slab.begin * ffn;
  RmsNorm(slab.rows(), dim, config_.norm_eps, a.middle + at, w.mlp_norm, normal,
          a.mlp_inverse + slab.begin);
  products_[slab.worker].MatmulTransposed({slab.rows(), 2 * ffn, dim}, {normal, dim},
                                          {w.gate_up, dim}, {gate_up, 2 * ffn});
  SwiGlu(slab.rows(), ffn, gate_up, activated);
  std::copy_n(a.middle + at, slab.rows() * dim, next + at);
  products_[slab.worker].MatmulTransposed({slab.rows(), dim, ffn}, {activated, ffn}, {w.down, ffn},
                                          {next + at, dim}, {.beta = 1.0f});
}

}  // namespace dure::model::cpu
