// Every buffer that a pass through the model needs on a device, besides weights and gradients.
#pragma once

#include <algorithm>
#include <vector>

#include "model/config.h"
#include "model/cuda/device_plan.h"

namespace dure::model::cuda {

// What of a layer is made again in the backward instead of kept from the forward.
enum class Recompute : uint32_t {
  kNothing = 0,
  kNorms = 1,   // what the norms gave, and SwiGLU's result, which its backward gives for little
  kLayers = 2,  // all of it, from the stream before the layer
};

struct PassShape {
  uint32_t batch = 1;     // most sequences at once
  uint32_t sequence = 1;  // tokens of each
  uint32_t passes = 1;    // of a step
  bool trains = false;    // otherwise one layer's buffers serve all
  Recompute recompute = Recompute::kNorms;
  bool same_bits = false;  // each time: attention by our own kernels alone

  uint32_t rows() const { return batch * sequence; }
};

// Of one layer; rows = batch * sequence. Where something is made again, all layers have one buffer.
template <typename T>
struct LayerBuffers {
  T* stream;                 // [rows, dim] before the layer
  T* normal;                 // [rows, dim] what the attention's norm gave
  float* attention_inverse;  // [rows]
  T* qkv;                    // [rows, dim + 2 kv_dim] after the rotation
  float* log_sum;            // [rows, heads]
  T* attended;               // [rows, dim]
  T* middle;                 // [rows, dim] the stream between attention and MLP
  T* mlp_normal;             // [rows, dim]
  float* mlp_inverse;        // [rows]
  T* gate_up;                // [rows, 2 ffn_dim]; in the backward its gradient
  T* activated;              // [rows, ffn_dim] what SwiGLU gave
};

template <typename T>
struct Activations {
  std::vector<LayerBuffers<T>> layers;
  T* last;              // [rows, dim] after the last layer
  float* last_inverse;  // [rows]
  T* last_normal;       // [rows, dim]
  T* logits;            // [logit_rows, vocab]
  uint32_t logit_rows;
  float* losses;               // [passes, rows]
  double* sums;                // [Sums::kBlocks]
  float* cosine;               // [sequence, head_dim / 2]
  float* sine;                 // as many
  uint32_t* tokens;            // [passes, token_stride]; see StepTokens
  uint8_t* attention_scratch;  // of the device's library, bf16 only
  uint64_t attention_scratch_bytes;
  // Only for the backward.
  T* dstream[2];
  T* dmiddle;         // [rows, dim]
  T* dwide;           // [rows, max(ffn_dim, dim)]
  T* dqkv;            // as qkv
  T* dnormal;         // [rows, dim]
  float* delta;       // [rows, heads]
  float* norm_parts;  // [norm_blocks, dim]
  uint32_t norm_blocks;
};

// Of one pass: inputs, targets, and the inputs in the order of the embedding's backward.
struct TokenPlaces {
  explicit TokenPlaces(uint32_t rows_max) : rows(rows_max) {}
  uint64_t inputs() const { return 0; }
  uint64_t targets() const { return rows; }
  uint64_t order_tokens() const { return uint64_t{2} * rows; }
  uint64_t order_rows() const { return uint64_t{3} * rows; }
  uint64_t order_starts() const { return uint64_t{4} * rows; }
  uint64_t stride() const { return uint64_t{5} * rows + 1; }
  uint32_t rows;
};

// REQUIRES: Validate(config); shape.sequence <= config.context; nothing in shape is zero.
template <typename T>
Activations<T> PlanActivations(const LlamaConfig& config, const PassShape& shape, DevicePlan& plan);

}  // namespace dure::model::cuda
