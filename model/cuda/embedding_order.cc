#include "model/cuda/embedding_order.h"

#include <algorithm>
#include <numeric>

namespace dure::model::cuda {

EmbeddingOrder::EmbeddingOrder(std::span<const uint32_t> all) : rows(all.size()) {
  std::iota(rows.begin(), rows.end(), 0U);
  std::ranges::stable_sort(rows, [&](uint32_t a, uint32_t b) { return all[a] < all[b]; });
  for (uint32_t i = 0; i < rows.size(); ++i) {
    if (i > 0 && all[rows[i]] == tokens.back()) continue;
    tokens.push_back(all[rows[i]]);
    starts.push_back(i);
  }
  starts.push_back(static_cast<uint32_t>(rows.size()));
}

}  // namespace dure::model::cuda
