// Causal softmax attention of one sequence with grouped queries: query head h reads key head h /
// (heads / kv_heads). Scores are made block by block of kQueryBlock queries, so scratch grows with
// the number of keys, not with its square; the backward makes them again from the kept log-sum-exp.
#pragma once

#include <cstddef>

namespace dure::model::cpu {

struct AttentionShape {
  size_t queries;  // the last `queries` of `keys` positions
  size_t keys;     // at least `queries`
  size_t heads;
  size_t kv_heads;  // divides heads
  size_t head_dim;
};

// Row p of q is position keys - queries + p. A row of q has heads * head_dim floats, one of k and v
// kv_heads * head_dim; a stride is the distance of two rows.
struct AttentionInput {
  const float* q;
  size_t q_stride;
  const float* k;
  const float* v;
  size_t kv_stride;
};

// Floats of scratch for one caller, forward and backward.
size_t AttentionScratch(const AttentionShape& shape);

// out: [queries, heads * head_dim] without gaps; log_sum: [queries, heads].
void Attention(const AttentionShape& shape, const AttentionInput& in, float* out, float* log_sum,
               float* scratch);

struct AttentionGradientInput {
  const float* out;      // of the forward
  const float* log_sum;  // of the forward
  const float* dout;     // [queries, heads * head_dim]
};
struct AttentionGradient {
  float* dq;  // strides as in the forward
  float* dk;
  float* dv;
};
// Writes dq, dk and dv. REQUIRES: queries == keys.
void AttentionBackward(const AttentionShape& shape, const AttentionInput& in,
                       const AttentionGradientInput& kept, const AttentionGradient& out,
                       float* scratch);

}  // namespace dure::model::cpu
