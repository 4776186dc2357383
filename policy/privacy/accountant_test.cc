// Against figures of other accountants: published tests and tutorials of Opacus, TensorFlow Privacy
// and Google's dp_accounting, and independent computations where a row says so.
#include "policy/privacy/accountant.h"

#include <gmock/gmock.h>

#include <cmath>
#include <complex>

#include "policy/privacy/composition.h"
#include "policy/privacy/gaussian.h"
#include "policy/privacy/loss.h"
#include "policy/privacy/renyi.h"

namespace dure::privacy {
namespace {

using ::testing::DoubleNear;

struct Row {
  const char* source;
  double noise;
  double sampling;
  uint64_t steps;
  double delta;
  double renyi;     // 0: not given
  double composed;  // 0: not given
  double order = 0;
};

const Row kRows[] = {
    {"1 opacus", 1.5, .04, 2250, 1e-5, 7.32911117143, 6.768784},
    {"2 tf-privacy", 1.3, 150.0 / 60000, 6000, 1e-5, 0.7242234026109595, 0.640060, 19},
    // The composed figure by inversion of the moment function (below); 1.0925 circulates, from a
    // grid of 1e-4 rounded to the nearest, too coarse for losses of 1e-3 a step: it claims too
    // much.
    {"3 tf-privacy", 1.0, 1e-3, 30000, 1e-7, 1.4154988495444842, 1.097680, 13},
    {"5 tf-privacy", 0.7, .01, 120, 1e-5, 3.23919, 2.4612381},
    {"6 tf-privacy", 0.7, 1, 2, 1e-5, 10.8602036, 10.1224946},
    {"7 tf-privacy", 1.0, 64.0 / 10000, 782, 1e-6, 1.6164, 1.1987},
    {"8 tf-privacy", 1.0, 1, 5, 1e-6, 13.3764, 12.5952},
    {"11 dp_accounting", 0.67379294682, .01, 1, 1e-5, 0, 1},
    // The row's 0.99992 was rounded to the nearest; pessimistic rounding gives the source's 1.
    {"12 dp_accounting, sensitivity 6", 3.20956502598 / 6, .001, 25, 1e-5, 0, 1},
    {"14 dp_accounting", 4.530877117, 1, 1, 1e-6, 1.0, 0.927392},
    {"17a erfc", 5, 1, 50, 1e-5, 7.077392, 6.572970},
    {"17b erfc", 10, 1, 100, 1e-5, 4.728507, 4.377178},
    {"17c erfc", 20, 1, 100, 1e-6, 2.419102, 2.254085},
    {"18 prv_accountant's parameters", 0.8, .005, 1000, 1e-6, 2.6265, 2.0042},
};

// Of the figure, or of its last printed digit.
double ToleranceOf(double figure) { return std::max(1e-4 * figure, 6e-5); }

TEST(Accountant, AgreesWithPublishedRenyiFigures) {
  for (const Row& row : kRows) {
    if (row.renyi == 0) continue;
    const Charge charge{SampledGaussian{row.noise, row.sampling}, row.steps};
    const RenyiEpsilon found = RenyiEpsilonOf({&charge, 1}, row.delta);
    EXPECT_THAT(found.epsilon, DoubleNear(row.renyi, ToleranceOf(row.renyi))) << row.source;
    if (row.order != 0) {
      EXPECT_EQ(found.order, row.order) << row.source;
    }
  }
}

TEST(Accountant, ReproducesClosedFormRenyiFiguresToSixDigits) {
  for (const Row& row : kRows) {
    if (row.order == 0) continue;  // the optimum is at an integer order: nothing is integrated
    const Charge charge{SampledGaussian{row.noise, row.sampling}, row.steps};
    EXPECT_THAT(RenyiEpsilonOf({&charge, 1}, row.delta).epsilon, DoubleNear(row.renyi, 1e-6));
  }
}

TEST(Accountant, AgreesWithPublishedLossDistributionsAndNeverClaimsLess) {
  for (const Row& row : kRows) {
    if (row.composed == 0) continue;
    const GaussianSteps steps{{row.noise, row.sampling}, row.steps};
    const double found = ComposedEpsilon({&steps, 1}, row.delta);
    EXPECT_THAT(found, DoubleNear(row.composed, ToleranceOf(row.composed))) << row.source;
  }
}

// Row 4: noise so small that the answer depends on which orders are looked at.
TEST(Accountant, AgreesAtTinyNoiseOverTheOrdersOfTheSource) {
  const Charge charge{SampledGaussian{0.1, 1024 / 1e8}, 976563};
  const std::vector<double> orders{1.25, 1.5, 1.75, 2, 2.25, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8};
  const RenyiEpsilon found = RenyiEpsilonOf({&charge, 1}, 1e-7, orders);
  EXPECT_EQ(found.order, 1.25);
  EXPECT_THAT(found.epsilon, DoubleNear(5907982.3113978775, 1));
  EXPECT_LT(RenyiEpsilonOf({&charge, 1}, 1e-7).epsilon, found.epsilon);
}

TEST(Accountant, AgreesWithPublishedDeltas) {
  // Rows 9 and 10: the published delta is the one at which epsilon is 1.
  const GaussianSteps nine{{0.5, .2}, 3};
  EXPECT_THAT(ComposedDelta({&nine, 1}, 1), DoubleNear(0.155933, 1e-5));
  const GaussianSteps ten{{std::sqrt(3), 1}, 3};
  EXPECT_THAT(ComposedDelta({&ten, 1}, 1), DoubleNear(0.126936, 2e-6));
  EXPECT_THAT(GaussianDelta(1, 1), DoubleNear(0.126936, 1e-6));
  EXPECT_THAT(GaussianDelta(3, 1), DoubleNear(0.78760074, 1e-8));  // row 13
}

// Row 15. The source bounds fractional orders from above, 6.70579741e-4 at 1.5
// and 1.08548710e-3 at 2.5; the two figures here are integrals computed apart, and below those.
TEST(Accountant, AgreesWithPublishedDivergences) {
  const std::pair<double, double> kDivergences[] = {{1.5, 6.50070897e-4},
                                                    {2.5, 1.08541806e-3},
                                                    {5, 2.18075656e-3},
                                                    {50, 2.38460375e-2},
                                                    {100, 167.416308}};
  for (const auto& [order, divergence] : kDivergences) {
    EXPECT_THAT(50 * RenyiDivergence(SampledGaussian{2.5, .01}, order),
                DoubleNear(divergence, 1e-8 * divergence))
        << order;
  }
}

TEST(Accountant, CountsATreeOfSumsAsItsHeight) {  // row 16: 1600 leaves, 11 levels
  const Charge low{SampledGaussian{1.13, 1}, 11};
  EXPECT_LT(RenyiEpsilonOf({&low, 1}, 1e-6).epsilon, 19.74);
  EXPECT_GT(RenyiEpsilonOf({&low, 1}, 1e-6).epsilon, 18);
  const Charge high{SampledGaussian{8.83, 1}, 11};
  EXPECT_LT(RenyiEpsilonOf({&high, 1}, 1e-6).epsilon, 2.04);
  EXPECT_GT(RenyiEpsilonOf({&high, 1}, 1e-6).epsilon, 1.7);
}

std::vector<double> WholeOrders() {
  std::vector<double> orders;
  for (int order = 2; order <= 128; ++order) orders.push_back(order);
  orders.push_back(256);
  return orders;
}

Charge Integer(NoiseKind kind, uint32_t shares, double scale, uint64_t dimension) {
  const double stddev = 10 * scale / std::sqrt(shares);
  return {IntegerNoise{kind, shares, stddev, scale, dimension, std::exp(-0.5)}, 100};
}

TEST(Accountant, AgreesOnIntegerNoiseInShares) {  // rows 19 and 20
  for (const NoiseKind kind : {NoiseKind::kDiscreteGaussian, NoiseKind::kSkellam}) {
    const Charge small = Integer(kind, 10, 65536, 1'000'000);
    const RenyiEpsilon found = RenyiEpsilonOf({&small, 1}, 1e-5, WholeOrders());
    EXPECT_THAT(found.epsilon, DoubleNear(4.752912, 2e-6));
    EXPECT_EQ(found.order, 5);
    const Charge fine = Integer(kind, 20, 1048576, 1'000'000'000);
    EXPECT_THAT(RenyiEpsilonOf({&fine, 1}, 1e-6, WholeOrders()).epsilon,
                DoubleNear(5.223114, 2e-6));
    const Charge coarse = Integer(kind, 20, 4096, 1'000'000'000);
    EXPECT_THAT(RenyiEpsilonOf({&coarse, 1}, 1e-6, WholeOrders()).epsilon,
                DoubleNear(28.331564, 3e-4));
  }
  EXPECT_THAT(RoundedNormMax(1048576, 1'000'000'000, std::exp(-0.5)) / 1048576,
              DoubleNear(1.0001, 5e-5));
  EXPECT_THAT(RoundedNormMax(4096, 1'000'000'000, std::exp(-0.5)) / 4096, DoubleNear(3.9878, 5e-5));
}

// Between its neighbours the divergence, times order - 1, is convex: a wrong quadrature would show.
TEST(Accountant, IntegratesFractionalOrdersBetweenTheClosedForms) {
  for (const double noise : {0.1, 0.5, 1.0, 4.0}) {
    for (const double sampling : {1e-4, 0.01, 0.5}) {
      for (const double order : {2.0, 3.0, 6.0, 9.0}) {
        const SampledGaussian gaussian{noise, sampling};
        const double whole = RenyiDivergence(gaussian, order);
        EXPECT_THAT(RenyiDivergence(gaussian, order + 1e-9),
                    DoubleNear(whole, 1e-7 * whole + 1e-14))
            << noise << " " << sampling << " " << order;
      }
    }
  }
}

TEST(Accountant, ComposesDifferentUsesOfOneDataset) {
  const GaussianSteps parts[] = {{{1.0, .01}, 300}, {{2.0, .05}, 200}, {{6.0, 1}, 1}};
  const double together = ComposedEpsilon(parts, 1e-6);
  for (const GaussianSteps& part : parts) {
    EXPECT_LT(ComposedEpsilon({&part, 1}, 1e-6), together);
  }
  const Charge charges[] = {
      {parts[0].gaussian, 300}, {parts[1].gaussian, 200}, {parts[2].gaussian, 1}};
  EXPECT_LT(together, RenyiEpsilonOf(charges, 1e-6).epsilon);
  // Split in two the same steps cost the same.
  const GaussianSteps halves[] = {{{1.0, .01}, 150}, {{1.0, .01}, 150}};
  const GaussianSteps whole{{1.0, .01}, 300};
  EXPECT_THAT(ComposedEpsilon(halves, 1e-6), DoubleNear(ComposedEpsilon({&whole, 1}, 1e-6), 1e-6));
}

// One convolution more or less of the grid's excess must not matter, and never below the truth: the
// composed Gaussian is known exactly.
TEST(Accountant, StaysAboveTheTruthAndNearIt) {
  for (const double delta : {0.1, 1e-3, 1e-6, 1e-10, 1e-14}) {
    for (const uint64_t count : {uint64_t{1}, uint64_t{10}, uint64_t{1000}}) {
      const GaussianSteps steps{{std::sqrt(static_cast<double>(count)), 1}, count};
      const double exact = GaussianEpsilon(1, delta);
      const double found = ComposedEpsilon({&steps, 1}, delta);
      EXPECT_GE(found, exact) << delta << " " << count;
      EXPECT_LE(found, exact * (1 + 5e-5)) << delta << " " << count;
      // Ever coarser grids claim ever more, never less.
      const double coarse = ComposedEpsilon({&steps, 1}, delta, {1 << 12});
      EXPECT_GE(coarse, exact) << delta << " " << count;
    }
  }
}

// delta(e) = (1/2 pi) integral over t of M(c + it)^T e^(-(c+it)e) / ((c+it)(c+it+1)), where M(s) is
// E e^(s loss) of one step, integrated over outcomes: another route to the same figure, in which
// no loss is ever rounded to a grid.
double InvertedDelta(const GaussianSteps& steps, double epsilon, double c) {
  using Complex = std::complex<double>;
  const double sigma = steps.gaussian.noise_multiplier;
  const double q = steps.gaussian.sampling;
  const double width = 0.03 * sigma;
  std::vector<std::pair<double, double>> outcomes;  // weight, loss of removing
  for (double x = -13 * sigma; x < 1 + 13 * sigma; x += width) {
    const double ratio = 1 - q + q * std::exp((2 * x - 1) / (2 * sigma * sigma));
    const double density = std::exp(-x * x / (2 * sigma * sigma)) / (sigma * std::sqrt(2 * M_PI));
    outcomes.emplace_back(density * ratio * width, std::log(ratio));
  }
  const double spacing = 0.02 * std::max(c, 3.0);
  double sum = 0;
  for (int k = 0; k < 3000; ++k) {
    const Complex s(c, k * spacing);
    Complex moment = 0;
    for (const auto& [weight, loss] : outcomes) moment += weight * (std::exp(s * loss) - 1.0);
    const Complex power = std::exp(static_cast<double>(steps.steps) * std::log(1.0 + moment));
    const Complex value = power * std::exp(-s * epsilon) / (s * (s + 1.0));
    sum += value.real() * (k == 0 ? 0.5 : 1);
    if (std::abs(value) < 1e-13 * std::abs(sum)) break;
  }
  return sum * spacing / M_PI;
}

TEST(Accountant, AgreesWithTheInversionOfTheMomentFunction) {
  const GaussianSteps small{{1.0, 1e-3}, 30000};
  const double exact = InvertedDelta(small, 1.09768, 8);
  EXPECT_THAT(exact, DoubleNear(1e-7, 1e-11));
  EXPECT_THAT(ComposedDelta({&small, 1}, 1.09768), DoubleNear(exact, 1e-3 * exact));
  EXPECT_GE(ComposedDelta({&small, 1}, 1.09768), exact);
  const GaussianSteps large{{1.5, .04}, 2250};
  const double other = InvertedDelta(large, 6.7687, 1.6);
  EXPECT_THAT(other, DoubleNear(1e-5, 1e-8));
  EXPECT_THAT(ComposedDelta({&large, 1}, 6.7687), DoubleNear(other, 1e-3 * other));
  EXPECT_GE(ComposedDelta({&large, 1}, 6.7687), other);
}

TEST(Accountant, GridsDominateTheHockeyStickEverywhere) {
  for (const Direction direction : {Direction::kRemove, Direction::kAdd}) {
    const SampledGaussian gaussian{0.9, 0.07};
    const LossDistribution loss = LossOf(gaussian, direction, 0.05);
    double total = loss.infinite;
    for (const double mass : loss.mass) total += mass;
    EXPECT_THAT(total, DoubleNear(1, 1e-12));
    for (double epsilon = -0.3; epsilon < 4; epsilon += 0.0173) {
      double grid = loss.infinite;
      for (size_t i = 0; i < loss.mass.size(); ++i) {
        grid += loss.mass[i] * -std::expm1(std::min(0.0, epsilon - loss.LossAt(i)));
      }
      EXPECT_GE(grid, HockeyStick(gaussian, direction, epsilon) - 1e-14) << epsilon;
    }
  }
}

TEST(Accountant, AnswersTheLeastOfItsBoundsAndSaysWhich) {
  const Charge whole{SampledGaussian{10, 1}, 100};
  EXPECT_EQ(EpsilonOf({&whole, 1}, 1e-5).method, Method::kExactGaussian);
  EXPECT_THAT(EpsilonOf({&whole, 1}, 1e-5).epsilon, DoubleNear(4.377178, 1e-6));
  const Charge sampled{SampledGaussian{1.3, 150.0 / 60000}, 6000};
  EXPECT_EQ(EpsilonOf({&sampled, 1}, 1e-5).method, Method::kLossDistribution);
  EXPECT_THAT(EpsilonOf({&sampled, 1}, 1e-5).epsilon, DoubleNear(0.640060, 1e-4));
  const Charge mixed[] = {whole, Integer(NoiseKind::kSkellam, 10, 65536, 1'000'000)};
  EXPECT_EQ(EpsilonOf(mixed, 1e-5).method, Method::kRenyi);
  EXPECT_EQ(EpsilonOf({}, 1e-5).epsilon, 0);
  EXPECT_EQ(EpsilonMicro(0.6400601), 640061u);
  EXPECT_EQ(EpsilonMicro(INFINITY), UINT64_MAX);
  EXPECT_EQ(EpsilonMicro(NAN), UINT64_MAX);
}

void ExpectACount(const Charge& charge) {
  for (const double delta : {1e-12, 0.3}) {
    const double epsilon = EpsilonOf({&charge, 1}, delta, {1 << 12}).epsilon;
    EXPECT_FALSE(std::isnan(epsilon)) << Describe(charge.mechanism) << " " << charge.steps;
    EXPECT_GE(epsilon, 0);
  }
}

TEST(Accountant, CountsExtremesWithoutLosingItself) {
  for (const double noise : {kNoiseMin, 1e-1, 1.0, 1e3, kNoiseMax}) {
    for (const double sampling : {kSamplingMin, 1e-6, 0.1, 0.999, 1.0}) {
      for (const uint64_t steps : {uint64_t{1}, uint64_t{1000}, kStepsMax}) {
        ExpectACount({SampledGaussian{noise, sampling}, steps});
      }
    }
  }
}

}  // namespace
}  // namespace dure::privacy
