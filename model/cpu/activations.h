// Every buffer that a pass through the model needs, besides parameters and gradients.
#pragma once

#include <cstdint>
#include <vector>

#include "model/config.h"
#include "model/cpu/memory_plan.h"
#include "model/cpu/products.h"

namespace dure::model::cpu {

struct BatchShape {
  uint32_t batch = 1;     // most sequences at once
  uint32_t sequence = 1;  // tokens of each
  uint32_t threads = 1;
  bool trains =
      false;  // keeps each layer for the backward; otherwise one layer's buffers serve all
  Precision precision = Precision::kFp32;

  size_t rows() const { return size_t{batch} * sequence; }
};

// What the backward reads of one layer. rows = batch * sequence.
struct LayerActivations {
  float* stream;             // [rows, dim] the residual stream before the layer
  float* attention_inverse;  // [rows] of the norm
  float* qkv;                // [rows, dim + 2 kv_dim] after the rotation
  float* log_sum;            // [rows, heads]
  float* attended;           // [rows, dim]
  float* middle;             // [rows, dim] the stream between attention and MLP
  float* mlp_inverse;        // [rows] of the norm
  float* gate_up;            // [rows, 2 ffn_dim]
};

struct Activations {
  std::vector<LayerActivations> layers;
  float* last;          // [rows, dim] the stream after the last layer
  float* last_inverse;  // [rows]
  float* normal;        // [rows, dim] what a norm gave: the attention's or the head's
  float* activated;     // [rows, ffn_dim] what SwiGLU gave
  float* logits;        // [threads, logit_rows, vocab]
  size_t logit_rows;    // rows of one chunk of logits
  float* scratch;       // [threads, scratch_floats] of attention
  size_t scratch_floats;
  float* product_rooms;  // [threads, kProductRoomBytes]; null in fp32

  // Only for the backward.
  float* mlp_normal;  // [rows, dim] what the MLP's norm gave
  float* dstream[2];  // [rows, dim] gradients of the stream, of neighbouring places
  float* dmiddle;     // [rows, dim] gradient of the stream between attention and MLP
  float* dwide;       // [rows, max(ffn_dim, dim)] gradient of what was activated or attended
  float* dgate_up;    // [rows, 2 ffn_dim]
  float* dqkv;        // [rows, dim + 2 kv_dim]
  float* dnormal;     // [rows, dim]
  float* dnorms;      // [threads, 2 layers + 1, dim] each worker's part of the norms' gradients
};

// REQUIRES: Validate(config); shape.sequence <= config.context; nothing in shape is zero.
Activations PlanActivations(const LlamaConfig& config, const BatchShape& shape, MemoryPlan& plan);

}  // namespace dure::model::cpu
