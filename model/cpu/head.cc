// The head: logits of a chunk of rows, loss, and in training their gradient, before the next chunk.
#include <algorithm>

#include "model/cpu/cross_entropy.h"
#include "model/cpu/rms_norm.h"
#include "model/cpu/transformer.h"

namespace dure::model::cpu {
namespace {

// Chunk number `chunk` of a slab: rows [begin, end), empty beyond the slab.
Share ChunkOf(size_t slab_begin, size_t slab_end, size_t chunk, size_t rows) {
  const size_t begin = std::min(slab_begin + chunk * rows, slab_end);
  return {begin, std::min(begin + rows, slab_end)};
}

}  // namespace

double Transformer::HeadLoss(const Pass& pass, const Slab& slab) {
  const size_t dim = config_.dim;
  const size_t vocab = config_.vocab;
  float* logits = activations_.logits + slab.worker * activations_.logit_rows * vocab;
  double loss = 0;
  for (size_t begin = slab.begin; begin < slab.end; begin += activations_.logit_rows) {
    const size_t rows = std::min(activations_.logit_rows, slab.end - begin);
    products_[slab.worker].MatmulTransposed({rows, vocab, dim},
                                            {activations_.normal + begin * dim, dim},
                                            {pass.weights.head, dim}, {logits, vocab});
    loss += CrossEntropy(pass.tokens.targets.subspan(begin, rows), vocab, logits);
  }
  return loss;
}

double Transformer::HeadLossAndGradient(const Pass& pass, const Slab& slab) {
  const size_t dim = config_.dim;
  const size_t vocab = config_.vocab;
  float* logits = activations_.logits + slab.worker * activations_.logit_rows * vocab;
  size_t longest = 0;  // of all slabs: every worker meets the others equally often
  for (uint32_t i = 0; i < shape_.threads; ++i) longest = std::max(longest, SlabOf(pass, i).rows());
  double loss = 0;
  for (size_t chunk = 0; chunk * activations_.logit_rows < longest; ++chunk) {
    const Share rows = ChunkOf(slab.begin, slab.end, chunk, activations_.logit_rows);
    const float* normal = activations_.normal + rows.begin * dim;
    products_[slab.worker].MatmulTransposed({rows.size(), vocab, dim}, {normal, dim},
                                            {pass.weights.head, dim}, {logits, vocab});
    loss += CrossEntropyBackward(pass.tokens.targets.subspan(rows.begin, rows.size()), vocab,
                                 pass.scale, logits);
    products_[slab.worker].Matmul({rows.size(), dim, vocab}, {logits, vocab},
                                  {pass.weights.head, dim},
                                  {activations_.dnormal + rows.begin * dim, dim});
    pass.workers.Barrier();
    const Share part = ShareOf(vocab, slab.worker, shape_.threads, 16);
    for (uint32_t i = 0; i < shape_.threads; ++i) {
      const Slab other = SlabOf(pass, i);
      const Share theirs = ChunkOf(other.begin, other.end, chunk, activations_.logit_rows);
      if (theirs.size() == 0) continue;
      const float* dlogits = activations_.logits + i * activations_.logit_rows * vocab;
      products_[slab.worker].TransposedMatmul(
          {part.size(), dim, theirs.size()}, {dlogits + part.begin, vocab},
          {activations_.normal + theirs.begin * dim, dim},
          {pass.gradients.head + part.begin * dim, dim}, {.beta = 1.0f});
    }
    pass.workers.Barrier();
  }
  return loss;
}

}  // namespace dure::model::cpu
