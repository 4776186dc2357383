#include "federation/merging/choose.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "federation/check.h"

namespace dure::merging {
namespace {

using round::MergeKind;

constexpr int kWeiszfeldSteps = 100;
constexpr double kSmoothing = 1e-6;  // of the median distance
constexpr int kClippingSteps = 20;

// Of an even number the lower of the two in the middle.
double LowerMedian(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Fractions of one, in units that add up to no more than n shares.
Weights OfFractions(const std::vector<double>& fractions, size_t n) {
  Weights weights;
  weights.divisor = static_cast<int64_t>(kEvenShare);
  const double whole = static_cast<double>(kEvenShare) * static_cast<double>(n);
  for (const double fraction : fractions) {
    weights.numerators.push_back(std::llrint(std::max(0.0, fraction) * whole));
  }
  // What rounding put on top comes off the largest.
  const int64_t sum =
      std::accumulate(weights.numerators.begin(), weights.numerators.end(), int64_t{0});
  const int64_t over = sum - static_cast<int64_t>(kEvenShare) * static_cast<int64_t>(n);
  if (over > 0) *std::max_element(weights.numerators.begin(), weights.numerators.end()) -= over;
  return weights;
}

Weights BoundNorms(const Gram& gram, double factor) {
  const size_t n = gram.size();
  std::vector<double> norms(n);
  for (size_t i = 0; i < n; ++i) norms[i] = std::sqrt(gram.at(i, i));
  const double bound = factor * LowerMedian(norms);
  std::vector<double> fractions(n);
  for (size_t i = 0; i < n; ++i) {
    fractions[i] = (norms[i] <= bound ? 1.0 : bound / norms[i]) / static_cast<double>(n);
  }
  return OfFractions(fractions, n);
}

// The `keep` whose n - f - 2 nearest neighbours are nearest; of equal ones the first.
Weights KeepNearest(const Gram& gram, uint32_t faults, uint32_t keep) {
  const size_t n = gram.size();
  const size_t neighbours = n - faults - 2;
  std::vector<double> scores(n);
  for (size_t i = 0; i < n; ++i) {
    std::vector<double> distances;
    for (size_t j = 0; j < n; ++j) {
      if (j != i) distances.push_back(gram.SquaredDistance(i, j));
    }
    std::sort(distances.begin(), distances.end());
    scores[i] = std::accumulate(distances.begin(),
                                distances.begin() + static_cast<ptrdiff_t>(neighbours), 0.0);
  }
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return scores[a] < scores[b]; });
  Weights weights{std::vector<int64_t>(n), static_cast<int64_t>(keep)};
  for (size_t k = 0; k < keep; ++k) weights.numerators[order[k]] = static_cast<int64_t>(n);
  return weights;
}

// Distances of the first `count` vectors from sum(at[j] * x_j).
std::vector<double> DistancesFrom(const Gram& gram, const std::vector<double>& at, size_t count) {
  const size_t n = gram.size();
  std::vector<double> products(n);  // of each with the point
  double own = 0;
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) products[i] += gram.at(i, j) * at[j];
    own += products[i] * at[i];
  }
  std::vector<double> distances(count);
  for (size_t i = 0; i < count; ++i) {
    distances[i] = std::sqrt(std::max(0.0, gram.at(i, i) - 2 * products[i] + own));
  }
  return distances;
}

Weights GeometricMedian(const Gram& gram) {
  const size_t n = gram.size();
  std::vector<double> at(n, 1.0 / static_cast<double>(n));
  for (int step = 0; step < kWeiszfeldSteps; ++step) {
    const std::vector<double> distances = DistancesFrom(gram, at, n);
    const double smallest = kSmoothing * LowerMedian(distances);
    if (!(smallest > 0)) break;  // most are at one point already
    double total = 0;
    for (size_t i = 0; i < n; ++i) {
      at[i] = 1.0 / std::max(smallest, distances[i]);
      total += at[i];
    }
    for (double& part : at) part /= total;
  }
  return OfFractions(at, n);
}

// v <- v + mean((x_i - v) * min(1, tau / |x_i - v|)), from the centre on.
Weights ClipAboutCentre(const Gram& gram, double factor) {
  const size_t n = gram.size() - 1;
  std::vector<double> at(n + 1);
  at[n] = 1;
  const double tau = factor * LowerMedian(DistancesFrom(gram, at, n));
  for (int step = 0; step < kClippingSteps; ++step) {
    const std::vector<double> distances = DistancesFrom(gram, at, n);
    std::vector<double> parts(n);
    double moved = 0;
    for (size_t i = 0; i < n; ++i) {
      parts[i] = (distances[i] <= tau ? 1.0 : tau / distances[i]) / static_cast<double>(n);
      moved += parts[i];
    }
    for (double& part : at) part *= 1 - moved;
    for (size_t i = 0; i < n; ++i) at[i] += parts[i];
  }
  return OfFractions(at, n);
}

}  // namespace

double Gram::SquaredDistance(size_t i, size_t j) const {
  return std::max(0.0, at(i, i) + at(j, j) - 2 * at(i, j));
}

Measure MeasureOf(const round::MergeRule& rule) {
  switch (rule.kind) {
    case MergeKind::kNormBound:
    case MergeKind::kDirectionNorm:
      return Measure::kNorms;
    case MergeKind::kKrum:
    case MergeKind::kMultiKrum:
    case MergeKind::kGeometricMedian:
      return Measure::kPairs;
    case MergeKind::kCenteredClipping:
      return Measure::kPairsAndCentre;
    default:
      return Measure::kNothing;
  }
}

Weights Choose(const round::MergeRule& rule, const Gram& gram) {
  switch (rule.kind) {
    case MergeKind::kNormBound:
      return BoundNorms(gram, rule.factor);
    case MergeKind::kDirectionNorm:
      return BoundNorms(gram, 1.0);
    case MergeKind::kKrum:
      return KeepNearest(gram, rule.faults, 1);
    case MergeKind::kMultiKrum:
      return KeepNearest(gram, rule.faults, rule.keep);
    case MergeKind::kGeometricMedian:
      return GeometricMedian(gram);
    case MergeKind::kCenteredClipping:
      return ClipAboutCentre(gram, rule.factor);
    default:
      DURE_CHECK(false, "this rule weighs no contributions");
  }
}

std::vector<uint64_t> SharesOf(const Weights& weights, size_t n) {
  std::vector<uint64_t> shares;
  const auto divisor = static_cast<uint64_t>(weights.divisor);
  for (size_t i = 0; i < n; ++i) {
    const auto numerator = static_cast<uint64_t>(weights.numerators[i]);
    shares.push_back((numerator * kEvenShare + divisor / 2) / divisor);
  }
  return shares;
}

}  // namespace dure::merging
