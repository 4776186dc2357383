#include "model/cpu/activations.h"

#include <algorithm>

#include "model/cpu/attention.h"

namespace dure::model::cpu {
namespace {

// A chunk of logits of one worker stays near this size, so that it is still in cache when its
// softmax and its two products read it again; few rows would make the products slow.
constexpr size_t kLogitFloats = size_t{1} << 20;
constexpr size_t kLogitRowsMin = 32;
constexpr size_t kLogitRowsMax = 512;

LayerActivations PlanLayer(const LlamaConfig& c, size_t rows, MemoryPlan& plan) {
  LayerActivations layer;
  layer.stream = plan.Floats(rows * c.dim);
  layer.attention_inverse = plan.Floats(rows);
  layer.qkv = plan.Floats(rows * (c.dim + size_t{2} * c.kv_dim()));
  layer.log_sum = plan.Floats(rows * c.heads);
  layer.attended = plan.Floats(rows * c.dim);
  layer.middle = plan.Floats(rows * c.dim);
  layer.mlp_inverse = plan.Floats(rows);
  layer.gate_up = plan.Floats(rows * 2 * c.ffn_dim);
  return layer;
}

}  // namespace

Activations PlanActivations(const LlamaConfig& c, const BatchShape& shape, MemoryPlan& plan) {
  const size_t rows = shape.rows();
  Activations a{};
  a.layers.push_back(PlanLayer(c, rows, plan));
  for (uint32_t i = 1; i < c.layers; ++i) {
    a.layers.push_back(shape.trains ? PlanLayer(c, rows, plan) : a.layers[0]);
  }
  a.last = shape.trains ? plan.Floats(rows * c.dim) : a.layers[0].stream;
  a.last_inverse = plan.Floats(rows);
  a.normal = plan.Floats(rows * c.dim);
  a.activated = plan.Floats(rows * c.ffn_dim);
  a.logit_rows = std::clamp(kLogitFloats / c.vocab, kLogitRowsMin, kLogitRowsMax);
  a.logit_rows = std::min(a.logit_rows, rows);
  a.logits = plan.Floats(a.logit_rows * c.vocab * shape.threads);
  a.scratch_floats = AttentionScratch({.queries = shape.sequence,
                                       .keys = shape.sequence,
                                       .heads = c.heads,
                                       .kv_heads = c.kv_heads,
                                       .head_dim = c.head_dim()});
  a.scratch = plan.Floats(a.scratch_floats * shape.threads);
  if (shape.precision == Precision::kBf16) {
    a.product_rooms = plan.Floats(kProductRoomBytes / sizeof(float) * shape.threads);
  }
  if (!shape.trains) return a;
  a.mlp_normal = plan.Floats(rows * c.dim);
  for (float*& stream : a.dstream) stream = plan.Floats(rows * c.dim);
  a.dmiddle = plan.Floats(rows * c.dim);
  a.dwide = plan.Floats(rows * std::max(c.ffn_dim, c.dim));
  a.dgate_up = plan.Floats(rows * 2 * c.ffn_dim);
  a.dqkv = plan.Floats(rows * (c.dim + size_t{2} * c.kv_dim()));
  a.dnormal = plan.Floats(rows * c.dim);
  a.dnorms = plan.Floats((size_t{2} * c.layers + 1) * c.dim * shape.threads);
  return a;
}

}  // namespace dure::model::cpu
