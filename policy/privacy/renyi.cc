#include "policy/privacy/renyi.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "federation/check.h"

namespace dure::privacy {
namespace {

constexpr double kUnbounded = std::numeric_limits<double>::infinity();

double LogAdd(double a, double b) {
  if (a == -kUnbounded) return b;
  if (b == -kUnbounded) return a;
  return std::max(a, b) + std::log1p(std::exp(-std::fabs(a - b)));
}

// ln E over N(0, s^2) of ((1 - q) + q e^((2z-1)/(2s^2)))^a, a binomial sum when a is an integer.
double LogMomentAtInteger(double order, double sigma, double sampling) {
  const double log_sample = std::log(sampling);
  const double log_keep = std::log1p(-sampling);
  double sum = -kUnbounded;
  double binomial = 0;  // ln of order over k
  for (double k = 0; k <= order; ++k) {
    const double exponent = (k * k - k) / (2 * sigma * sigma);
    sum = LogAdd(sum, binomial + k * log_sample + (order - k) * log_keep + exponent);
    binomial += std::log((order - k) / (k + 1));
  }
  return sum;
}

// The same by the trapezoidal rule. The integrand is analytic in a strip of half width pi s^2, in
// which the rule's error falls as exp(-2 pi * half width / step): far below rounding here.
double LogMomentByQuadrature(double order, double sigma, double sampling) {
  const double variance = sigma * sigma;
  const double step = std::min(sigma / 4, variance / 2);
  const double begin = -13 * sigma;
  const double end = order + 13 * sigma;
  const double log_keep = std::log1p(-sampling);
  const double log_sample = std::log(sampling);
  double sum = -kUnbounded;
  for (double z = begin; z <= end; z += step) {
    const double ratio = LogAdd(log_keep, log_sample + (2 * z - 1) / (2 * variance));
    sum = LogAdd(sum, order * ratio - z * z / (2 * variance));
  }
  return sum + std::log(step / (sigma * std::sqrt(2 * M_PI)));
}

double DivergenceOf(const SampledGaussian& gaussian, double order) {
  const double sigma = gaussian.noise_multiplier;
  if (gaussian.sampling == 1) return order / (2 * sigma * sigma);
  const bool whole = order == std::floor(order);
  const double moment = whole ? LogMomentAtInteger(order, sigma, gaussian.sampling)
                              : LogMomentByQuadrature(order, sigma, gaussian.sampling);
  return std::max(0.0, moment / (order - 1));
}

// How far a sum of n discrete Gaussians is from one: 10 sum_k exp(-2 pi^2 s^2 k / (k+1)).
double Inflation(uint32_t shares, double stddev) {
  double sum = 0;
  for (uint32_t k = 1; k < shares; ++k) {
    sum += std::exp(-2 * M_PI * M_PI * stddev * stddev * k / (k + 1.0));
  }
  return 10 * sum;
}

double DivergenceOf(const IntegerNoise& noise, double order) {
  const auto d = static_cast<double>(noise.dimension);
  const double norm = RoundedNormMax(noise.clip, noise.dimension, noise.rounding_beta);
  // On the grid a coordinate is at least as large squared, so the L1 norm is at most the square.
  const double norm_1 = norm * std::min(std::sqrt(d), norm);
  const double variance = noise.shares * noise.share_stddev * noise.share_stddev;
  const double square = norm * norm / variance;
  if (noise.kind == NoiseKind::kSkellam) {
    const double a = std::ceil(order);
    const double near = ((2 * a - 1) * norm * norm + 6 * norm_1) / (4 * variance * variance);
    return a / 2 * square + std::min(near, 3 * norm_1 / (2 * variance));
  }
  const double tau = Inflation(noise.shares, noise.share_stddev);
  const double first = order / 2 * square + tau * d;
  const double scale_1 = norm_1 / std::sqrt(variance);
  const double second = order / 2 * (square + 2 * scale_1 * tau + tau * tau * d);
  const double root = std::sqrt(square) + std::sqrt(d) * tau;
  return std::min({first, second, order / 2 * root * root});
}

std::vector<double> MakeDefaultOrders() {
  std::vector<double> orders;
  for (int tenth = 1; tenth < 100; ++tenth) orders.push_back(1 + tenth / 10.0);
  for (int order = 11; order <= 64; ++order) orders.push_back(order);
  for (const int order : {96, 128, 192, 256, 384, 512, 768, 1024}) orders.push_back(order);
  return orders;
}

double EpsilonAt(double order, double divergence, double delta) {
  // So small a divergence is delta alone: total variation, by Bretagnolle and Huber.
  if (delta * delta + std::expm1(-divergence) > 0) return 0;
  const double epsilon =
      divergence - (std::log(delta) + std::log(order)) / (order - 1) + std::log1p(-1 / order);
  return std::max(0.0, epsilon);
}

}  // namespace

std::span<const double> DefaultOrders() {
  static const std::vector<double> orders = MakeDefaultOrders();
  return orders;
}

double RenyiDivergence(const Mechanism& mechanism, double order) {
  DURE_CHECK(order > 1, "a Renyi order is above one");
  return std::visit([order](const auto& one) { return DivergenceOf(one, order); }, mechanism);
}

RenyiEpsilon EpsilonOfRenyi(std::span<const double> orders, std::span<const double> divergences,
                            double delta) {
  DURE_CHECK(orders.size() == divergences.size(), "each order has its divergence");
  RenyiEpsilon best{kUnbounded, 0};
  for (size_t i = 0; i < orders.size(); ++i) {
    const double epsilon = EpsilonAt(orders[i], divergences[i], delta);
    if (epsilon < best.epsilon) best = {epsilon, orders[i]};
  }
  return best;
}

RenyiEpsilon RenyiEpsilonOf(std::span<const Charge> charges, double delta,
                            std::span<const double> orders) {
  std::vector<double> sums(orders.size(), 0);
  for (const Charge& charge : charges) {
    for (size_t i = 0; i < orders.size(); ++i) {
      sums[i] += static_cast<double>(charge.steps) * RenyiDivergence(charge.mechanism, orders[i]);
    }
  }
  return EpsilonOfRenyi(orders, sums, delta);
}

}  // namespace dure::privacy
