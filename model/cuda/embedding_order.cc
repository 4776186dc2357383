#include "model/cuda/embedding_order.h"

#include <algorithm>

namespace dure::model::cuda {

// By counting: a step waits for it, and a sort would take a tenth of a small model's step.
EmbeddingOrder::EmbeddingOrder(std::span<const uint32_t> all) : rows(all.size()) {
  const uint32_t most = all.empty() ? 0 : *std::ranges::max_element(all);
  std::vector<uint32_t> next(size_t{most} + 2);  // where the token's next row goes
  for (const uint32_t token : all) ++next[token + 1];
  for (uint32_t token = 0; token <= most; ++token) {
    const uint32_t count = next[token + 1];
    next[token + 1] += next[token];
    if (count == 0) continue;
    tokens.push_back(token);
    starts.push_back(next[token]);
  }
  starts.push_back(static_cast<uint32_t>(rows.size()));
  for (uint32_t row = 0; row < rows.size(); ++row) rows[next[all[row]]++] = row;
}

}  // namespace dure::model::cuda
