// The tensors of a flat vector by what they do. Neighbours in the layout are taken together: query,
// key and value as one matrix, gate and up as one.
#pragma once

#include <vector>

#include "model/config.h"

namespace dure::model::cpu {

template <typename T>
struct LayerWeights {
  T* attention_norm;  // [dim]
  T* qkv;             // [dim + 2 kv_dim, dim]
  T* out;             // [dim, dim]
  T* mlp_norm;        // [dim]
  T* gate_up;         // [2 ffn_dim, dim]
  T* down;            // [dim, ffn_dim]
};

template <typename T>
struct Weights {
  T* embedding;  // [vocab, dim]
  std::vector<LayerWeights<T>> layers;
  T* norm;  // [dim]
  T* head;  // [vocab, dim], the embedding if tied
};

// The model in parts, neighbours in the flat vector: part 0 is the embedding, 1 … layers the
// layers, the last the norm and, if it is not tied, the head.
inline uint32_t PartCount(const LlamaConfig& config) { return config.layers + 2; }
// Parameters of a part. REQUIRES: part < PartCount(config).
inline uint64_t PartSize(const LlamaConfig& config, uint32_t part) {
  const uint64_t dim = config.dim;
  const uint64_t embedding = config.vocab * dim;
  if (part == 0) return embedding;
  if (part > config.layers) return dim + (config.tie_embeddings ? 0 : embedding);
  const uint64_t qkv = (dim + 2 * config.kv_dim()) * dim;
  return 2 * dim + qkv + dim * dim + uint64_t{3} * config.ffn_dim * dim;
}

// Each part where `at(part)` says that it lies; the order within is that of LlamaLayout.
template <typename T, typename At>
Weights<T> WeightsOfParts(const LlamaConfig& config, const At& at) {
  T* next = at(0);
  const auto take = [&next](uint64_t count) {
    T* tensor = next;
    next += count;
    return tensor;
  };
  const uint64_t dim = config.dim;
  Weights<T> weights{.embedding = take(config.vocab * dim), .layers = {}, .norm = {}, .head = {}};
  for (uint32_t i = 0; i < config.layers; ++i) {
    next = at(i + 1);
    LayerWeights<T> layer;
    layer.attention_norm = take(dim);
    layer.qkv = take((dim + 2 * config.kv_dim()) * dim);
    layer.out = take(dim * dim);
    layer.mlp_norm = take(dim);
    layer.gate_up = take(uint64_t{2} * config.ffn_dim * dim);
    layer.down = take(dim * config.ffn_dim);
    weights.layers.push_back(layer);
  }
  next = at(config.layers + 1);
  weights.norm = take(dim);
  weights.head = config.tie_embeddings ? weights.embedding : take(config.vocab * dim);
  return weights;
}

// REQUIRES: Validate(config); flat has its parameter count.
template <typename T>
Weights<T> WeightsOf(const LlamaConfig& config, T* flat) {
  return WeightsOfParts<T>(config, [&](uint32_t part) {
    uint64_t offset = 0;
    for (uint32_t before = 0; before < part; ++before) offset += PartSize(config, before);
    return flat + offset;
  });
}

}  // namespace dure::model::cpu
