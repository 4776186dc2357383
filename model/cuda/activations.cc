#include "model/cuda/activations.h"

#include "model/cuda/attend.h"
#include "model/cuda/kernels/pointwise.h"

namespace dure::model::cuda {
namespace {

// Logits of one chunk: enough rows for the product to be fast, few enough to be a small part of the
// memory.
constexpr uint64_t kLogitNumbers = uint64_t{1} << 28;
constexpr uint64_t kLogitRowsMin = 256;
constexpr uint64_t kLogitRowsMax = 8192;
constexpr uint64_t kLogitRowsUnit = 256;  // tiles of a product
// Blocks that sum norms' gradients: eight for each multiprocessor of the largest GPUs.
constexpr uint32_t kNormBlocks = 1056;

template <typename T>
LayerBuffers<T> PlanLayer(const LlamaConfig& c, uint64_t rows, DevicePlan& plan) {
  LayerBuffers<T> layer{};
  layer.stream = plan.Take<T>(rows * c.dim);
  layer.normal = plan.Take<T>(rows * c.dim);
  layer.attention_inverse = plan.Take<float>(rows);
  layer.qkv = plan.Take<T>(rows * (c.dim + uint64_t{2} * c.kv_dim()));
  layer.log_sum = plan.Take<float>(rows * c.heads);
  layer.attended = plan.Take<T>(rows * c.dim);
  layer.middle = plan.Take<T>(rows * c.dim);
  layer.mlp_normal = plan.Take<T>(rows * c.dim);
  layer.mlp_inverse = plan.Take<float>(rows);
  layer.gate_up = plan.Take<T>(rows * 2 * c.ffn_dim);
  layer.activated = plan.Take<T>(rows * c.ffn_dim);
  return layer;
}

// The layers behind the first keep what is not made again.
template <typename T>
LayerBuffers<T> PlanKept(const LlamaConfig& c, const PassShape& shape, const LayerBuffers<T>& first,
                         DevicePlan& plan) {
  const uint64_t rows = shape.rows();
  LayerBuffers<T> layer = first;
  if (!shape.trains) return layer;
  if (shape.recompute == Recompute::kNothing) return PlanLayer<T>(c, rows, plan);
  layer.stream = plan.Take<T>(rows * c.dim);
  if (shape.recompute == Recompute::kLayers) return layer;
  layer.attention_inverse = plan.Take<float>(rows);
  layer.qkv = plan.Take<T>(rows * (c.dim + uint64_t{2} * c.kv_dim()));
  layer.log_sum = plan.Take<float>(rows * c.heads);
  layer.attended = plan.Take<T>(rows * c.dim);
  layer.middle = plan.Take<T>(rows * c.dim);
  layer.mlp_inverse = plan.Take<float>(rows);
  layer.gate_up = plan.Take<T>(rows * 2 * c.ffn_dim);
  return layer;
}

}  // namespace

template <typename T>
Activations<T> PlanActivations(const LlamaConfig& c, const PassShape& shape, DevicePlan& plan) {
  const uint64_t rows = shape.rows();
  Activations<T> a{};
  a.layers.push_back(PlanLayer<T>(c, rows, plan));
  for (uint32_t i = 1; i < c.layers; ++i) {
    a.layers.push_back(PlanKept(c, shape, a.layers[0], plan));
  }
  a.last = shape.trains ? plan.Take<T>(rows * c.dim) : a.layers[0].stream;
  a.last_inverse = plan.Take<float>(rows);
  a.last_normal = plan.Take<T>(rows * c.dim);
  const uint64_t logit_rows = kLogitNumbers / c.vocab / kLogitRowsUnit * kLogitRowsUnit;
  a.logit_rows =
      static_cast<uint32_t>(std::min(rows, std::clamp(logit_rows, kLogitRowsMin, kLogitRowsMax)));
  a.logits = plan.Take<T>(uint64_t{a.logit_rows} * c.vocab);
  a.losses = plan.Take<float>(rows * shape.passes);
  a.sums = plan.Take<double>(Sums::kBlocks);
  a.cosine = plan.Take<float>(uint64_t{shape.sequence} * c.head_dim() / 2);
  a.sine = plan.Take<float>(uint64_t{shape.sequence} * c.head_dim() / 2);
  a.tokens = plan.Take<uint32_t>(TokenPlaces(shape.rows()).stride() * shape.passes);
  if (sizeof(T) == 2 && !shape.same_bits) {
    a.attention_scratch_bytes =
        AttentionScratchBytes(rows, c.heads, c.kv_heads, c.head_dim(), shape.trains);
  }
  a.attention_scratch = plan.Take<uint8_t>(a.attention_scratch_bytes);
  if (!shape.trains) return a;
  for (T*& stream : a.dstream) stream = plan.Take<T>(rows * c.dim);
  a.dmiddle = plan.Take<T>(rows * c.dim);
  a.dwide = plan.Take<T>(rows * std::max(c.ffn_dim, c.dim));
  a.dqkv = plan.Take<T>(rows * (c.dim + uint64_t{2} * c.kv_dim()));
  a.dnormal = plan.Take<T>(rows * c.dim);
  a.delta = plan.Take<float>(rows * c.heads);
  a.norm_blocks = std::min(shape.rows(), kNormBlocks);
  a.norm_parts = plan.Take<float>(uint64_t{a.norm_blocks} * c.dim);
  return a;
}

template Activations<float> PlanActivations<float>(const LlamaConfig&, const PassShape&,
                                                   DevicePlan&);
template Activations<Bf16> PlanActivations<Bf16>(const LlamaConfig&, const PassShape&, DevicePlan&);

}  // namespace dure::model::cuda
