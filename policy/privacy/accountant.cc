#include "policy/privacy/accountant.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "policy/privacy/gaussian.h"
#include "policy/privacy/renyi.h"

namespace dure::privacy {
namespace {

// The charges as Gaussian steps, those on the whole dataset put together into one; empty if there
// is any other noise. exact: nothing is sampled.
struct Gaussians {
  std::vector<GaussianSteps> steps;
  double mu = 0;
  bool exact = true;
};

Gaussians GaussiansOf(std::span<const Charge> charges) {
  Gaussians result;
  double whole = 0;  // sum of 1/s^2
  for (const Charge& charge : charges) {
    const auto* gaussian = std::get_if<SampledGaussian>(&charge.mechanism);
    if (gaussian == nullptr) return {{}, 0, false};
    if (gaussian->sampling == 1) {
      const double sigma = gaussian->noise_multiplier;
      whole += static_cast<double>(charge.steps) / (sigma * sigma);
    } else {
      result.steps.push_back({*gaussian, charge.steps});
      result.exact = false;
    }
  }
  result.mu = std::sqrt(whole);
  if (whole > 0 && !result.exact) result.steps.push_back({{1 / result.mu, 1}, 1});
  return result;
}

// Total variation of all noise drawn, from the noise that is counted.
double DistanceOf(std::span<const Charge> charges) {
  double sum = 0;
  for (const Charge& charge : charges) {
    if (const auto* noise = std::get_if<IntegerNoise>(&charge.mechanism)) {
      sum += static_cast<double>(charge.steps) * noise->distance;
    }
  }
  return sum;
}

// What is left of delta once the distance is paid for: 1 + e^epsilon times it, with an epsilon that
// half of delta already bounds. Zero: nothing, and no epsilon holds.
double DeltaLeft(std::span<const Charge> charges, double delta) {
  const double distance = DistanceOf(charges);
  if (distance == 0) return delta;
  const double most = RenyiEpsilonOf(charges, delta / 2).epsilon;
  const double paid = distance * (1 + std::exp(most));
  return paid < delta / 2 ? delta - paid : 0;
}

}  // namespace

std::string_view Name(Method method) {
  switch (method) {
    case Method::kNothing:
      return "nothing spent";
    case Method::kExactGaussian:
      return "exact Gaussian";
    case Method::kLossDistribution:
      return "privacy loss distribution";
    case Method::kRenyi:
      return "Renyi divergence";
  }
  return "";
}

Spending EpsilonOf(std::span<const Charge> charges, double delta, const Resolution& resolution) {
  if (charges.empty()) return {};
  const Gaussians gaussians = GaussiansOf(charges);
  if (gaussians.exact) return {GaussianEpsilon(gaussians.mu, delta), Method::kExactGaussian};
  const double left = DeltaLeft(charges, delta);
  if (!(left > 0)) return {std::numeric_limits<double>::infinity(), Method::kRenyi};
  const double renyi = RenyiEpsilonOf(charges, left).epsilon;
  if (gaussians.steps.empty()) return {renyi, Method::kRenyi};
  const double composed = ComposedEpsilon(gaussians.steps, delta, resolution);
  if (composed < renyi) return {composed, Method::kLossDistribution};
  return {renyi, Method::kRenyi};
}

uint64_t EpsilonMicro(double epsilon) {
  const double micro = std::ceil(epsilon * 1e6);
  if (!(micro < 9e18)) return std::numeric_limits<uint64_t>::max();
  return static_cast<uint64_t>(micro);
}

}  // namespace dure::privacy
