// The backward pass, last layer first.
#include <algorithm>

#include "model/cpu/attention.h"
#include "model/cpu/embedding.h"
#include "model/cpu/rms_norm.h"
#include "model/cpu/swiglu.h"
#include "model/cpu/transformer.h"

namespace dure::model::cpu {
namespace {

// Where a part of a weight's gradient comes from: dy [rows, out], x [rows, in], dw [out, in].
struct WeightGradient {
  const float* dy;
  size_t out;
  const float* x;
  size_t in;
  float* dw;
};

// dw += dyᵀ x for this worker's share of dw's rows.
void AddShare(const WeightGradient& g, size_t rows, uint32_t worker, uint32_t workers,
              Products& products) {
  if (rows == 0) return;  // a rank without sequences
  const Share share = ShareOf(g.out, worker, workers, 16);
  products.TransposedMatmul({share.size(), g.in, rows}, {g.dy + share.begin, g.out}, {g.x, g.in},
                            {g.dw + share.begin * g.in, g.in}, {.beta = 1.0f});
}

}  // namespace

float* Transformer::NormGradient(uint32_t worker, uint32_t norm) const {
  const size_t norms = size_t{2} * config_.layers + 1;
  return activations_.dnorms + (worker * norms + norm) * config_.dim;
}

void Transformer::Backward(const Pass& pass, const Slab& slab) {
  const size_t dim = config_.dim;
  const size_t at = slab.begin * dim;
  const uint32_t layers = config_.layers;
  std::fill_n(NormGradient(slab.worker, 0), (size_t{2} * layers + 1) * dim, 0.0f);
  // The last norm has no residual beside it: the gradient that passes it by is zero.
  float* top = dstream(layers) + at;
  std::fill_n(top, slab.rows() * dim, 0.0f);
  RmsNormBackward(slab.rows(), dim,
                  {activations_.last + at, pass.weights.norm,
                   activations_.last_inverse + slab.begin, activations_.dnormal + at, top},
                  top, NormGradient(slab.worker, 2 * layers));
  for (uint32_t i = layers; i-- > 0;) {
    if (pass.hooks != nullptr) {
      if (slab.worker == 0) pass.hooks->BeforeBackward(i);
      pass.workers.Barrier();
    }
    BackwardMlp(pass.weights.layers[i], activations_.layers[i], slab, i);
    BackwardAttention(pass.weights.layers[i], activations_.layers[i], slab, i);
    pass.workers.Barrier();
    LayerWeightGradients(pass, slab, i);
    if (i + 1 == layers) AddNormGradient(2 * layers, slab.worker, pass.gradients.norm);
    pass.workers.Barrier();
    if (pass.hooks == nullptr || slab.worker != 0) continue;
    if (i + 1 == layers) pass.hooks->GradientDone(layers + 1);
    pass.hooks->GradientDone(i + 1);
  }
  const Share columns = ShareOf(dim, slab.worker, shape_.threads, 16);
  EmbedBackward(pass.tokens.inputs, dim, {columns.begin, columns.end}, dstream(0),
                pass.gradients.embedding);
}

void Transformer::BackwardMlp(const LayerWeights<const float>& w, const LayerActivations& a,
                              const Slab& slab, uint32_t layer) {
  const size_t rows = slab.rows();
  const size_t dim = config_.dim;
  const size_t ffn = config_.ffn_dim;
  const size_t at = slab.begin * dim;
  const float* dnext = dstream(layer + 1) + at;
  float* dactivated = activations_.dwide + slab.begin * std::max(ffn, dim);
  float* dgate_up = activations_.dgate_up + slab.begin * 2 * ffn;
  products_[slab.worker].Matmul({rows, ffn, dim}, {dnext, dim}, {w.down, ffn}, {dactivated, ffn});
  SwiGluBackward(rows, ffn, a.gate_up + slab.begin * 2 * ffn, dactivated,
                 activations_.activated + slab.begin * ffn, dgate_up);
  products_[slab.worker].Matmul({rows, dim, 2 * ffn}, {dgate_up, 2 * ffn}, {w.gate_up, dim},
                                {activations_.dnormal + at, dim});
  RmsNormAgain(rows, dim, a.middle + at, w.mlp_norm, a.mlp_inverse + slab.begin,
               activations_.mlp_normal + at);
  RmsNormBackward(
      rows, dim,
      {a.middle + at, w.mlp_norm, a.mlp_inverse + slab.begin, activations_.dnormal + at, dnext},
      activations_.dmiddle + at, NormGradient(slab.worker, 2 * layer + 1));
}

void Transformer::BackwardAttention(const LayerWeights<const float>& w, const LayerActivations& a,
                                    const Slab& slab, uint32_t layer) {
  const size_t rows = slab.rows();
  const size_t dim = config_.dim;
  const size_t sequence = shape_.sequence;
  const size_t at = slab.begin * dim;
  float* dattended = activations_.dwide + slab.begin * std::max<size_t>(config_.ffn_dim, dim);
  products_[slab.worker].Matmul({rows, dim, dim}, {activations_.dmiddle + at, dim}, {w.out, dim},
                                {dattended, dim});
  const AttentionShape shape{sequence, sequence, config_.heads, config_.kv_heads,
                             config_.head_dim()};
  for (size_t row = 0; row < rows; row += sequence) {
    const size_t qkv_at = (slab.begin + row) * qkv_dim();
    const float* q = a.qkv + qkv_at;
    float* dq = activations_.dqkv + qkv_at;
    AttentionBackward(shape, {q, qkv_dim(), q + dim, q + dim + config_.kv_dim(), qkv_dim()},
                      {a.attended + at + row * dim, a.log_sum + (slab.begin + row) * config_.heads,
                       dattended + row * dim},
                      {dq, dq + dim, dq + dim + config_.kv_dim()},
                      activations_.scratch + slab.worker * activations_.scratch_floats);
    rope_.RotateBack({dq, sequence, qkv_dim(), config_.heads + config_.kv_heads});
  }
  products_[slab.worker].Matmul({rows, dim, qkv_dim()},
                                {activations_.dqkv + slab.begin * qkv_dim(), qkv_dim()},
                                {w.qkv, dim}, {activations_.dnormal + at, dim});
  RmsNormAgain(rows, dim, a.stream + at, w.attention_norm, a.attention_inverse + slab.begin,
               activations_.normal + at);
  RmsNormBackward(rows, dim,
                  {a.stream + at, w.attention_norm, a.attention_inverse + slab.begin,
                   activations_.dnormal + at, activations_.dmiddle + at},
                  dstream(layer) + at, NormGradient(slab.worker, 2 * layer));
}

void Transformer::LayerWeightGradients(const Pass& pass, const Slab& slab, uint32_t layer) {
  const LayerActivations& a = activations_.layers[layer];
  const LayerWeights<float>& dw = pass.gradients.layers[layer];
  const size_t dim = config_.dim;
  const size_t ffn = config_.ffn_dim;
  const WeightGradient all[] = {
      {dstream(layer + 1), dim, activations_.activated, ffn, dw.down},
      {activations_.dgate_up, 2 * ffn, activations_.mlp_normal, dim, dw.gate_up},
      {activations_.dmiddle, dim, a.attended, dim, dw.out},
      {activations_.dqkv, qkv_dim(), activations_.normal, dim, dw.qkv},
  };
  for (const WeightGradient& one : all) {
    AddShare(one, pass.rows(), slab.worker, shape_.threads, products_[slab.worker]);
  }
  AddNormGradient(2 * layer, slab.worker, dw.attention_norm);
  AddNormGradient(2 * layer + 1, slab.worker, dw.mlp_norm);
}

// Sums the workers' parts in their order, for this worker's share of the norm.
void Transformer::AddNormGradient(uint32_t norm, uint32_t worker, float* dw) {
  const Share columns = ShareOf(config_.dim, worker, shape_.threads, 16);
  for (uint32_t i = 0; i < shape_.threads; ++i) {
    const float* part = NormGradient(i, norm);
    for (size_t c = columns.begin; c < columns.end; ++c) dw[c] += part[c];
  }
}

}  // namespace dure::model::cpu
