#include "model/cpu/sampling.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace dure::model::cpu {

uint32_t Sample(std::span<const float> logits, const Sampling& sampling) {
  const auto most = std::max_element(logits.begin(), logits.end());
  if (sampling.temperature <= 0.0) return static_cast<uint32_t>(most - logits.begin());
  std::vector<uint32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0u);
  if (sampling.top_k > 0 && sampling.top_k < order.size()) {
    const auto more_likely = [&](uint32_t a, uint32_t b) {
      return logits[a] > logits[b] || (logits[a] == logits[b] && a < b);
    };
    std::nth_element(order.begin(), order.begin() + sampling.top_k, order.end(), more_likely);
    order.resize(sampling.top_k);
    std::sort(order.begin(), order.end());
  }
  std::vector<double> cumulative;
  double sum = 0;
  for (const uint32_t token : order) {
    sum += std::exp((static_cast<double>(logits[token]) - *most) / sampling.temperature);
    cumulative.push_back(sum);
  }
  const auto at = std::upper_bound(cumulative.begin(), cumulative.end(), sampling.uniform * sum);
  const auto index =
      std::min<size_t>(static_cast<size_t>(at - cumulative.begin()), order.size() - 1);
  return order[index];
}

}  // namespace dure::model::cpu
