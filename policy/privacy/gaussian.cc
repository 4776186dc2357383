#include "policy/privacy/gaussian.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "federation/check.h"

namespace dure::privacy {

double LogNormalTail(double x) {
  if (x < 30) return std::log(std::erfc(x / std::numbers::sqrt2) / 2);
  // P(Z > x) = phi(x) / (x + 1/(x + 2/(x + 3/(x + ...)))); at x >= 30 eight terms are exact.
  double fraction = x;
  for (int k = 8; k >= 1; --k) fraction = x + k / fraction;
  return -x * x / 2 - std::log(2 * std::numbers::pi) / 2 - std::log(fraction);
}

double GaussianDelta(double mu, double epsilon) {
  DURE_CHECK(mu > 0 && epsilon >= 0, "noise is finite and a loss is not negative");
  // delta = P(Z > e/mu - mu/2) - e^epsilon P(Z > e/mu + mu/2), the second as a share of the first.
  const double first = LogNormalTail(epsilon / mu - mu / 2);
  const double second = epsilon + LogNormalTail(epsilon / mu + mu / 2);
  if (second >= first) return 0;
  return std::exp(first) * -std::expm1(second - first);
}

double GaussianEpsilon(double mu, double delta) {
  DURE_CHECK(delta > 0 && delta < 1, "delta is a probability");
  if (GaussianDelta(mu, 0) <= delta) return 0;
  double low = 0;
  double high = 1;
  while (GaussianDelta(mu, high) > delta) {
    low = high;
    high *= 2;
  }
  for (int i = 0; i < 100 && low < high; ++i) {
    const double middle = (low + high) / 2;
    (GaussianDelta(mu, middle) > delta ? low : high) = middle;
  }
  return high * (1 + 1e-12);
}

}  // namespace dure::privacy
