#include "policy/privacy/loss.h"

#include <algorithm>
#include <cmath>

#include "federation/check.h"
#include "policy/privacy/gaussian.h"

namespace dure::privacy {
namespace {

constexpr double kTail = 12;  // standard deviations: P(|Z| > 12) = 3.6e-33

// ln of (1 - q) + q e^((2x-1)/(2s^2)), the loss of removing at outcome x.
double LogRatio(const SampledGaussian& gaussian, double x) {
  const double sigma = gaussian.noise_multiplier;
  const double exponent = (2 * x - 1) / (2 * sigma * sigma);
  if (gaussian.sampling == 1) return exponent;
  const double sampled = std::log(gaussian.sampling) + exponent;
  const double kept = std::log1p(-gaussian.sampling);
  return std::max(sampled, kept) + std::log1p(std::exp(-std::fabs(sampled - kept)));
}

// The outcome at which LogRatio is `loss`. REQUIRES: loss > ln(1 - q).
double OutcomeAt(const SampledGaussian& gaussian, double loss) {
  const double sigma = gaussian.noise_multiplier;
  const double q = gaussian.sampling;
  // ln((e^loss - 1 + q) / q), without losing digits near loss = 0 or overflow at large loss.
  const double log_share = loss > 1 ? loss + std::log1p(-(1 - q) * std::exp(-loss)) - std::log(q)
                                    : std::log1p(std::expm1(loss) / q);
  return sigma * sigma * log_share + 0.5;
}

double RemoveDelta(const SampledGaussian& gaussian, double epsilon) {
  const double q = gaussian.sampling;
  if (epsilon <= std::log1p(-q)) return -std::expm1(epsilon);
  const double sigma = gaussian.noise_multiplier;
  const double x = OutcomeAt(gaussian, epsilon);
  // q P(N(1,s) > x) - (e^epsilon - 1 + q) P(N(0,s) > x)
  const double with = std::log(q) + LogNormalTail((x - 1) / sigma);
  const double without = std::log(std::expm1(epsilon) + q) + LogNormalTail(x / sigma);
  return without >= with ? 0 : std::exp(with) * -std::expm1(without - with);
}

double AddDelta(const SampledGaussian& gaussian, double epsilon) {
  const double q = gaussian.sampling;
  if (epsilon >= -std::log1p(-q)) return 0;
  const double sigma = gaussian.noise_multiplier;
  const double x = OutcomeAt(gaussian, -epsilon);
  // (1 - e^epsilon (1 - q)) P(N(0,s) < x) - e^epsilon q P(N(1,s) < x)
  const double share = -std::expm1(epsilon + std::log1p(-q));
  const double with = std::log(share) + LogNormalTail(-x / sigma);
  const double without = epsilon + std::log(q) + LogNormalTail((1 - x) / sigma);
  return without >= with ? 0 : std::exp(with) * -std::expm1(without - with);
}

// The curve less the straight line 1 - e^loss, by the curve of the other direction: near minus
// infinity it has digits where the curve itself is 1.
double LowerCurve(const SampledGaussian& gaussian, Direction direction, double loss) {
  const Direction other = direction == Direction::kRemove ? Direction::kAdd : Direction::kRemove;
  return std::exp(loss) * HockeyStick(gaussian, other, -loss);
}

}  // namespace

double HockeyStick(const SampledGaussian& gaussian, Direction direction, double epsilon) {
  return direction == Direction::kRemove ? RemoveDelta(gaussian, epsilon)
                                         : AddDelta(gaussian, epsilon);
}

LossSpan SpanOf(const SampledGaussian& gaussian, Direction direction) {
  const double sigma = gaussian.noise_multiplier;
  const double low = LogRatio(gaussian, -kTail * sigma);
  if (direction == Direction::kAdd) return {-LogRatio(gaussian, kTail * sigma), -low};
  return {low, LogRatio(gaussian, 1 + kTail * sigma)};
}

LossDistribution LossOf(const SampledGaussian& gaussian, Direction direction, double step) {
  const LossSpan span = SpanOf(gaussian, direction);
  LossDistribution result;
  result.step = step;
  result.first = static_cast<int64_t>(std::floor(span.low / step));
  const auto last = static_cast<int64_t>(std::ceil(span.high / step));
  DURE_CHECK(step > 0 && last - result.first < int64_t{1} << 22, "the grid has a bound");
  const auto count = static_cast<size_t>(last - result.first + 1);
  // Between grid points x = e^loss the curve falls by slope Q; a point's mass is x times how much
  // the slope changes there, whichever straight line is taken off. What the curve says beyond the
  // last point is an infinite loss, and all that lies before the first counts as if at the first.
  result.mass.resize(count);
  result.infinite = HockeyStick(gaussian, direction, result.LossAt(count - 1));
  const double before = -std::expm1(-step);
  const double after = std::expm1(step);
  double sum = result.infinite;
  double next = result.infinite;  // the curve at i + 1; it stays level beyond the last point
  double here = result.infinite;
  bool upper = true;
  for (size_t i = count - 1; i > 0; --i) {
    if (upper && result.LossAt(i) < 0) {
      upper = false;
      here = LowerCurve(gaussian, direction, result.LossAt(i));
      next = LowerCurve(gaussian, direction, result.LossAt(i + 1));  // the last point is above 0
    }
    const double loss = result.LossAt(i - 1);
    const double previous =
        upper ? HockeyStick(gaussian, direction, loss) : LowerCurve(gaussian, direction, loss);
    result.mass[i] = std::max(0.0, (previous - here) / before - (here - next) / after);
    sum += result.mass[i];
    next = here;
    here = previous;
  }
  result.mass[0] = std::max(0.0, 1 - sum);
  return result;
}

}  // namespace dure::privacy
