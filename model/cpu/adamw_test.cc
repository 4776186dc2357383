#include "model/cpu/adamw.h"

#include "model/cpu/gradient_check.h"

namespace dure::model::cpu {
namespace {

TEST(AdamWTest, AgreesWithTheDefinitionInDoubleOverManySteps) {
  constexpr size_t kSize = 37;
  std::vector<float> p = SomeFloats(kSize, 1);
  std::vector<float> m(kSize), v(kSize);
  std::vector<double> rp(p.begin(), p.end()), rm(kSize), rv(kSize);
  for (uint64_t t = 1; t <= 50; ++t) {
    const std::vector<float> g = SomeFloats(kSize, 10 + t);
    AdamWUpdate({.learning_rate = 0.01,
                 .beta1 = 0.9,
                 .beta2 = 0.95,
                 .epsilon = 1e-8,
                 .weight_decay = 0.1,
                 .gradient_scale = 0.5,
                 .step = t},
                kSize, {p.data(), g.data(), m.data(), v.data()});
    const double n = static_cast<double>(t);
    for (size_t i = 0; i < kSize; ++i) {
      const double gi = 0.5 * static_cast<double>(g[i]);
      rm[i] = 0.9 * rm[i] + 0.1 * gi;
      rv[i] = 0.95 * rv[i] + 0.05 * gi * gi;
      const double step =
          rm[i] / (1 - std::pow(0.9, n)) / (std::sqrt(rv[i] / (1 - std::pow(0.95, n))) + 1e-8);
      rp[i] -= 0.01 * (step + 0.1 * rp[i]);
    }
  }
  for (size_t i = 0; i < kSize; ++i) EXPECT_NEAR(p[i], rp[i], 1e-5);
}

TEST(AdamWTest, AZeroGradientOnlyDecays) {
  float p = 2, g = 0, m = 0, v = 0;
  AdamWUpdate({.learning_rate = 0.1,
               .beta1 = 0.9,
               .beta2 = 0.95,
               .epsilon = 1e-8,
               .weight_decay = 0.5,
               .gradient_scale = 1,
               .step = 1},
              1, {&p, &g, &m, &v});
  EXPECT_FLOAT_EQ(p, 2 * 0.95f);
}

TEST(AdamWTest, TheSumOfSquaresShowsNanAndInfinity) {
  std::vector<float> x(5000, 1.0f);
  EXPECT_DOUBLE_EQ(SumOfSquares(x.size(), x.data()), 5000.0);
  x[4999] = INFINITY;
  EXPECT_FALSE(std::isfinite(SumOfSquares(x.size(), x.data())));
  x[4999] = std::nanf("");
  EXPECT_FALSE(std::isfinite(SumOfSquares(x.size(), x.data())));
}

}  // namespace
}  // namespace dure::model::cpu
