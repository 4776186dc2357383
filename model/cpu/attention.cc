#include "model/cpu/attention.h"

#include <algorithm>
#include <cmath>

#include "federation/check.h"
#include "model/cpu/matmul.h"
#include "model/cpu/simd.h"

namespace dure::model::cpu {
namespace {

constexpr size_t kQueryBlock = 64;

// row = softmax(row) over its first n elements; the log of the sum of exponentials.
DURE_SIMD float SoftmaxRow(size_t n, float* row) {
  float most = row[0];
#pragma omp simd reduction(max : most)
  for (size_t i = 0; i < n; ++i) most = row[i] > most ? row[i] : most;
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t i = 0; i < n; ++i) {
    row[i] = FastExp(row[i] - most);
    sum += row[i];
  }
  const float scale = 1.0f / sum;
#pragma omp simd
  for (size_t i = 0; i < n; ++i) row[i] *= scale;
  return most + std::log(sum);
}

DURE_SIMD void ProbabilitiesRow(size_t n, float log_sum, float* row) {
#pragma omp simd
  for (size_t i = 0; i < n; ++i) row[i] = FastExp(row[i] - log_sum);
}

// d = p ∘ (d - mean) * scale: the gradient of the scores from that of the probabilities.
DURE_SIMD void ScoreGradientRow(size_t n, float mean, float scale, const float* p, float* d) {
#pragma omp simd
  for (size_t i = 0; i < n; ++i) d[i] = p[i] * (d[i] - mean) * scale;
}

DURE_SIMD float Dot(size_t n, const float* a, const float* b) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

// A block of queries [begin, end) of one head; query i sees keys [0, Visible(i)).
struct Block {
  size_t begin;
  size_t end;
  size_t keys;  // that any of its queries sees
  size_t rows() const { return end - begin; }
};

size_t Visible(const AttentionShape& shape, size_t query) {
  return shape.keys - shape.queries + query + 1;
}

Block BlockAt(const AttentionShape& shape, size_t begin) {
  const size_t end = std::min(shape.queries, begin + kQueryBlock);
  return {begin, end, Visible(shape, end - 1)};
}

float ScoreScale(const AttentionShape& shape) {
  return 1.0f / std::sqrt(static_cast<float>(shape.head_dim));
}

void ForwardHead(const AttentionShape& shape, const AttentionInput& in, size_t head, float* out,
                 float* log_sum, float* scores) {
  const size_t dim = shape.head_dim;
  const size_t width = shape.heads * dim;
  const size_t kv = head / (shape.heads / shape.kv_heads) * dim;
  for (size_t begin = 0; begin < shape.queries; begin += kQueryBlock) {
    const Block block = BlockAt(shape, begin);
    MatmulTransposed({block.rows(), block.keys, dim},
                     {in.q + begin * in.q_stride + head * dim, in.q_stride},
                     {in.k + kv, in.kv_stride}, {scores, block.keys}, {.alpha = ScoreScale(shape)});
    for (size_t i = begin; i < block.end; ++i) {
      float* row = scores + (i - begin) * block.keys;
      const size_t visible = Visible(shape, i);
      log_sum[i * shape.heads + head] = SoftmaxRow(visible, row);
      std::fill(row + visible, row + block.keys, 0.0f);
    }
    Matmul({block.rows(), dim, block.keys}, {scores, block.keys}, {in.v + kv, in.kv_stride},
           {out + begin * width + head * dim, width});
  }
}

struct Scores {
  float* p;  // probabilities
  float* d;  // their gradient, then that of the scores
};

// From the kept log-sum-exp: probabilities of a block and the gradient of its scores.
void BlockScores(const AttentionShape& shape, const AttentionInput& in,
                 const AttentionGradientInput& kept, size_t head, const Block& block,
                 const Scores& scores) {
  const size_t dim = shape.head_dim;
  const size_t width = shape.heads * dim;
  const size_t kv = head / (shape.heads / shape.kv_heads) * dim;
  const float scale = ScoreScale(shape);
  MatmulTransposed({block.rows(), block.keys, dim},
                   {in.q + block.begin * in.q_stride + head * dim, in.q_stride},
                   {in.k + kv, in.kv_stride}, {scores.p, block.keys}, {.alpha = scale});
  MatmulTransposed({block.rows(), block.keys, dim},
                   {kept.dout + block.begin * width + head * dim, width}, {in.v + kv, in.kv_stride},
                   {scores.d, block.keys});
  for (size_t i = block.begin; i < block.end; ++i) {
    const size_t at = i * width + head * dim;
    float* p = scores.p + (i - block.begin) * block.keys;
    float* d = scores.d + (i - block.begin) * block.keys;
    const size_t visible = Visible(shape, i);
    ProbabilitiesRow(visible, kept.log_sum[i * shape.heads + head], p);
    ScoreGradientRow(visible, Dot(dim, kept.out + at, kept.dout + at), scale, p, d);
    std::fill(p + visible, p + block.keys, 0.0f);
    std::fill(d + visible, d + block.keys, 0.0f);
  }
}

void BackwardHead(const AttentionShape& shape, const AttentionInput& in,
                  const AttentionGradientInput& kept, const AttentionGradient& out, size_t head,
                  const Scores& scores) {
  const size_t dim = shape.head_dim;
  const size_t width = shape.heads * dim;
  const size_t group = shape.heads / shape.kv_heads;
  const size_t kv = head / group * dim;
  const bool is_first_of_group = head % group == 0;
  // The longest block comes first: it writes every key's gradient once, the others add to it.
  const size_t blocks = (shape.queries + kQueryBlock - 1) / kQueryBlock;
  for (size_t b = blocks; b-- > 0;) {
    const Block block = BlockAt(shape, b * kQueryBlock);
    const MatmulScale sum{.beta = is_first_of_group && b + 1 == blocks ? 0.0f : 1.0f};
    BlockScores(shape, in, kept, head, block, scores);
    const Matrix q{in.q + block.begin * in.q_stride + head * dim, in.q_stride};
    const Matrix dout{kept.dout + block.begin * width + head * dim, width};
    TransposedMatmul({block.keys, dim, block.rows()}, {scores.p, block.keys}, dout,
                     {out.dv + kv, in.kv_stride}, sum);
    TransposedMatmul({block.keys, dim, block.rows()}, {scores.d, block.keys}, q,
                     {out.dk + kv, in.kv_stride}, sum);
    Matmul({block.rows(), dim, block.keys}, {scores.d, block.keys}, {in.k + kv, in.kv_stride},
           {out.dq + block.begin * in.q_stride + head * dim, in.q_stride});
  }
}

}  // namespace

size_t AttentionScratch(const AttentionShape& shape) { return 2 * kQueryBlock * shape.keys; }

void Attention(const AttentionShape& shape, const AttentionInput& in, float* out, float* log_sum,
               float* scratch) {
  for (size_t head = 0; head < shape.heads; ++head) {
    ForwardHead(shape, in, head, out, log_sum, scratch);
  }
}

void AttentionBackward(const AttentionShape& shape, const AttentionInput& in,
                       const AttentionGradientInput& kept, const AttentionGradient& out,
                       float* scratch) {
  DURE_CHECK(shape.queries == shape.keys, "training sees whole sequences");
  for (size_t head = 0; head < shape.heads; ++head) {
    BackwardHead(shape, in, kept, out, head, {scratch, scratch + kQueryBlock * shape.keys});
  }
}

}  // namespace dure::model::cpu
