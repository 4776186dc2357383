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

// The order of LlamaLayout. REQUIRES: Validate(config); flat has its parameter count.
template <typename T>
Weights<T> WeightsOf(const LlamaConfig& config, T* flat) {
  const auto take = [&flat](uint64_t count) {
    T* tensor = flat;
    flat += count;
    return tensor;
  };
  const uint64_t dim = config.dim;
  Weights<T> weights{.embedding = take(config.vocab * dim), .layers = {}, .norm = {}, .head = {}};
  for (uint32_t i = 0; i < config.layers; ++i) {
    LayerWeights<T> layer;
    layer.attention_norm = take(dim);
    layer.qkv = take((dim + 2 * config.kv_dim()) * dim);
    layer.out = take(dim * dim);
    layer.mlp_norm = take(dim);
    layer.gate_up = take(uint64_t{2} * config.ffn_dim * dim);
    layer.down = take(dim * config.ffn_dim);
    weights.layers.push_back(layer);
  }
  weights.norm = take(dim);
  weights.head = config.tie_embeddings ? weights.embedding : take(config.vocab * dim);
  return weights;
}

}  // namespace dure::model::cpu
