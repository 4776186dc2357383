// The rows of a batch grouped by their token, in the order in which they stand: what the
// embedding's backward walks, so that its sums have one order.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace dure::model::cuda {

struct EmbeddingOrder {
  explicit EmbeddingOrder(std::span<const uint32_t> all);

  uint32_t count() const { return static_cast<uint32_t>(tokens.size()); }

  std::vector<uint32_t> tokens;  // distinct, ascending
  std::vector<uint32_t> starts;  // [count + 1] into rows
  std::vector<uint32_t> rows;    // of all, by token, ascending within
};

}  // namespace dure::model::cuda
