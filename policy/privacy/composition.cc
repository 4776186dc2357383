#include "policy/privacy/composition.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "federation/check.h"
#include "policy/privacy/fourier.h"
#include "policy/privacy/loss.h"

namespace dure::privacy {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr size_t kCoarsePoints = 1 << 13;  // of one step's sketch
constexpr double kWindowTail = 30;         // -ln of the tilted mass left outside: 1e-13
// The squared grid step, times steps, over the composed variance: its excess in epsilon is a small
// multiple of it.
constexpr double kGridVariance = 2e-5;

struct Part {
  LossDistribution loss;
  double steps = 0;
};

// ln E e^(t loss) of one step.
double LogMoment(const LossDistribution& loss, double tilt) {
  // Relative to the end that the tilt favours; what underflows beside it would not count.
  const double end = tilt > 0 ? loss.LossAt(loss.mass.size() - 1) : loss.LossAt(0);
  double sum = 0;
  for (size_t i = 0; i < loss.mass.size(); ++i) {
    sum += loss.mass[i] * std::exp(tilt * (loss.LossAt(i) - end));
  }
  return tilt * end + std::log(sum);
}

double LogMoment(const std::vector<Part>& parts, double tilt) {
  double sum = 0;
  for (const Part& part : parts) sum += part.steps * LogMoment(part.loss, tilt);
  return sum;
}

// The argument in [low, high], on a logarithmic scale, at which a function with one valley is
// least.
double Valley(double low, double high, const std::function<double(double)>& function) {
  constexpr double kGolden = 0.6180339887498949;
  double a = std::log(low);
  double b = std::log(high);
  double left = b - kGolden * (b - a);
  double right = a + kGolden * (b - a);
  double at_left = function(std::exp(left));
  double at_right = function(std::exp(right));
  for (int i = 0; i < 26; ++i) {
    if (at_left <= at_right) {
      b = right;
      right = left;
      at_right = at_left;
      left = b - kGolden * (b - a);
      at_left = function(std::exp(left));
    } else {
      a = left;
      left = right;
      at_left = at_right;
      right = a + kGolden * (b - a);
      at_right = function(std::exp(right));
    }
  }
  return std::exp((a + b) / 2);
}

std::vector<Part> Sketch(std::span<const GaussianSteps> steps, Direction direction) {
  std::vector<Part> parts;
  for (const GaussianSteps& one : steps) {
    const LossSpan span = SpanOf(one.gaussian, direction);
    const double grid = std::max((span.high - span.low) / kCoarsePoints, 1e-300);
    parts.push_back({LossOf(one.gaussian, direction, grid), static_cast<double>(one.steps)});
  }
  return parts;
}

// Where the composed, tilted loss lies, found on the sketch.
struct Window {
  double tilt = 0;
  double low = 0;
  double high = 0;
  double deviation = 0;
};

Window WindowOf(const std::vector<Part>& sketch, double tilt) {
  double mean = 0;
  double variance = 0;
  for (const Part& part : sketch) {
    const double scale = LogMoment(part.loss, tilt);
    double first = 0;
    double second = 0;
    for (size_t i = 0; i < part.loss.mass.size(); ++i) {
      const double x = part.loss.LossAt(i);
      const double weight = part.loss.mass[i] * std::exp(tilt * x - scale);
      first += weight * x;
      second += weight * x * x;
    }
    mean += part.steps * first;
    // A sketch of one point would else have no width.
    const double width = std::max(second - first * first, part.loss.step * part.loss.step);
    variance += part.steps * width;
  }
  Window window{tilt, mean, mean, std::sqrt(variance)};
  const double base = LogMoment(sketch, tilt);
  const auto reach = [&](double angle) {  // how far a Chernoff bound at this angle must go
    return (LogMoment(sketch, tilt + angle) - base + kWindowTail) / angle;
  };
  const double least = 0.01 / window.deviation;
  const double most = 1000 / window.deviation;
  window.high = reach(Valley(least, most, reach));
  const auto fall = [&](double angle) { return -reach(-angle); };
  window.low = -fall(Valley(least, most, fall));
  return window;
}

// At the best tilt rare large losses may be as heavy as common small ones, and the window very
// wide; a lesser tilt loses a few digits of many and gains a fine grid.
Window NarrowestWindow(const std::vector<Part>& sketch, double tilt_best) {
  Window narrowest = WindowOf(sketch, tilt_best);
  for (const double share : {0.85, 0.7, 0.5}) {
    const Window window = WindowOf(sketch, share * tilt_best);
    if (window.high - window.low < narrowest.high - narrowest.low) narrowest = window;
  }
  return narrowest;
}

// The composed distribution of one direction within a window, times e^(tilt loss - log_moment).
class Composed {
 public:
  Composed(std::span<const GaussianSteps> steps, Direction direction, const Window& window,
           const std::vector<Part>& sketch, const Resolution& resolution);

  double EpsilonAt(double delta) const;
  double DeltaAt(double epsilon) const;

 private:
  void Transform(const std::vector<Part>& parts);
  double LossAt(size_t i) const {
    return static_cast<double>(first_ + static_cast<int64_t>(i)) * grid_;
  }
  // Untilted mass at i.
  double MassAt(size_t i) const {
    return tilted_[i] > 0 ? tilted_[i] * std::exp(log_moment_ - tilt_ * LossAt(i)) : 0;
  }

  double tilt_;
  double grid_ = 0;
  int64_t first_ = 0;
  double log_moment_ = 0;
  double beyond_ = 0;  // mass above the window, and infinite losses
  std::vector<double> tilted_;
};

Composed::Composed(std::span<const GaussianSteps> steps, Direction direction, const Window& window,
                   const std::vector<Part>& sketch, const Resolution& resolution)
    : tilt_(window.tilt) {
  double total = 0;
  for (const GaussianSteps& one : steps) total += static_cast<double>(one.steps);
  const double width = std::max(window.high - window.low, 4 * window.deviation);
  grid_ = window.deviation * std::sqrt(kGridVariance / total);
  size_t points = 1024;
  while (points < resolution.points_max && static_cast<double>(points - 2) * grid_ < width) {
    points *= 2;
  }
  grid_ = std::max(grid_, width / static_cast<double>(points - 2));
  std::vector<Part> parts;
  for (const GaussianSteps& one : steps) {
    const LossSpan span = SpanOf(one.gaussian, direction);
    // A step's own span may be far wider than the window; its grid keeps a bound, too.
    grid_ = std::max(grid_, (span.high - span.low) / (1 << 21));
  }
  for (const GaussianSteps& one : steps) {
    parts.push_back({LossOf(one.gaussian, direction, grid_), static_cast<double>(one.steps)});
    beyond_ += parts.back().steps * parts.back().loss.infinite;
  }
  first_ = static_cast<int64_t>(std::floor(window.low / grid_));
  tilted_.resize(points);
  log_moment_ = LogMoment(parts, tilt_);
  Transform(parts);
  const double top = LossAt(points);
  const auto chernoff = [&](double angle) { return LogMoment(sketch, angle) - angle * top; };
  const double at =
      Valley(tilt_ + 1e-3 / window.deviation, tilt_ + 1000 / window.deviation, chernoff);
  // Any angle gives a bound; it must be one of the distribution that is composed, not the sketch.
  beyond_ += std::exp(std::min(0.0, LogMoment(parts, at) - at * top));
}

void Composed::Transform(const std::vector<Part>& parts) {
  using Complex = std::complex<double>;
  const size_t points = tilted_.size();
  const Fourier fourier(points);
  std::vector<Complex> product(points, Complex(1, 0));
  for (const Part& part : parts) {
    std::vector<Complex> values(points);
    const double scale = LogMoment(part.loss, tilt_);
    for (size_t i = 0; i < part.loss.mass.size(); ++i) {
      const int64_t at = part.loss.first + static_cast<int64_t>(i);
      const double mass = part.loss.mass[i] * std::exp(tilt_ * part.loss.LossAt(i) - scale);
      values[static_cast<size_t>(at) & (points - 1)] += mass;
    }
    fourier.Forward(values);
    for (size_t k = 0; k < points; ++k) {
      const double size = std::abs(values[k]);
      const double log_size = part.steps * std::log(std::max(size, 1e-300));
      product[k] *= std::polar(std::exp(log_size), part.steps * std::arg(values[k]));
    }
  }
  fourier.Inverse(product);
  for (size_t i = 0; i < points; ++i) {
    const size_t at = static_cast<size_t>(first_ + static_cast<int64_t>(i)) & (points - 1);
    tilted_[i] = product[at].real() / static_cast<double>(points);
  }
}

double Composed::EpsilonAt(double delta) const {
  const double room = delta / (1 + kArithmeticMargin) - beyond_;
  if (!(room > 0)) return kInfinity;
  // From the top: above = mass beyond point i, shrunk = that mass times e^(loss_i - loss).
  double above = 0;
  double shrunk = 0;
  const double factor = std::exp(-grid_);
  for (size_t i = tilted_.size(); i-- > 0;) {
    // delta(e) = above - shrunk e^(e - loss_i) for e from here to the next point.
    if (above - shrunk > room) return std::max(0.0, LossAt(i) + std::log((above - room) / shrunk));
    if (LossAt(i) <= 0) return 0;
    const double mass = MassAt(i);
    above += mass;
    shrunk = (shrunk + mass) * factor;
  }
  return std::max(0.0, LossAt(0));
}

double Composed::DeltaAt(double epsilon) const {
  double sum = 0;
  for (size_t i = tilted_.size(); i-- > 0 && LossAt(i) > epsilon;) {
    sum += MassAt(i) * -std::expm1(epsilon - LossAt(i));
  }
  return std::min(1.0, sum * (1 + kArithmeticMargin) + beyond_);
}

}  // namespace

double ComposedEpsilon(std::span<const GaussianSteps> steps, double delta,
                       const Resolution& resolution) {
  DURE_CHECK(!steps.empty() && delta > 0 && delta < 1, "there are steps and a delta");
  double worst = 0;
  for (const Direction direction : {Direction::kRemove, Direction::kAdd}) {
    const std::vector<Part> sketch = Sketch(steps, direction);
    // Near the best Chernoff bound on epsilon the tilted mass sits at epsilon.
    const double tilt =
        Valley(1e-3, 1e4, [&](double t) { return (LogMoment(sketch, t) - std::log(delta)) / t; });
    const Window window = NarrowestWindow(sketch, tilt);
    const Composed composed(steps, direction, window, sketch, resolution);
    worst = std::max(worst, composed.EpsilonAt(delta));
  }
  return worst;
}

double ComposedDelta(std::span<const GaussianSteps> steps, double epsilon,
                     const Resolution& resolution) {
  DURE_CHECK(!steps.empty() && epsilon >= 0, "there are steps and an epsilon");
  double worst = 0;
  for (const Direction direction : {Direction::kRemove, Direction::kAdd}) {
    const std::vector<Part> sketch = Sketch(steps, direction);
    const double tilt =
        Valley(1e-3, 1e4, [&](double t) { return LogMoment(sketch, t) - t * epsilon; });
    const Window window = NarrowestWindow(sketch, tilt);
    const Composed composed(steps, direction, window, sketch, resolution);
    worst = std::max(worst, composed.DeltaAt(epsilon));
  }
  return worst;
}

}  // namespace dure::privacy
