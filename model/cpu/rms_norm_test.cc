#include "model/cpu/rms_norm.h"

#include "model/cpu/gradient_check.h"

namespace dure::model::cpu {
namespace {

constexpr double kEps = 1e-5;

TEST(RmsNormTest, GradientsAgreeWithFiniteDifferencesAtOddSizes) {
  for (const size_t dim : {1u, 7u, 16u, 37u}) {
    constexpr size_t kRows = 3;
    std::vector<float> x = SomeFloats(kRows * dim, 1);
    for (float& v : x) v += v < 0 ? -0.5f : 0.5f;
    std::vector<float> w = SomeFloats(dim, 2);
    const std::vector<float> dy = SomeFloats(kRows * dim, 3);
    const std::vector<float> skip = SomeFloats(kRows * dim, 4);
    std::vector<float> y(kRows * dim);
    std::vector<float> inverse(kRows);
    // The stream itself is the residual: its gradient is added.
    const auto loss = [&] {
      RmsNorm(kRows, dim, kEps, x.data(), w.data(), y.data(), inverse.data());
      return WeightedSum(y, dy) + WeightedSum(x, skip);
    };
    loss();
    std::vector<float> dx(kRows * dim);
    std::vector<float> dw(dim, 0.0f);
    RmsNormBackward(kRows, dim, {x.data(), w.data(), inverse.data(), dy.data(), skip.data()},
                    dx.data(), dw.data());
    ExpectGradient(x, dx, loss);
    ExpectGradient(w, dw, loss);
  }
}

TEST(RmsNormTest, ComputesTheSameAgainFromTheKeptInverse) {
  const std::vector<float> x = SomeFloats(5 * 37, 1);
  const std::vector<float> w = SomeFloats(37, 2);
  std::vector<float> y(x.size());
  std::vector<float> again(x.size());
  std::vector<float> inverse(5);
  RmsNorm(5, 37, kEps, x.data(), w.data(), y.data(), inverse.data());
  RmsNormAgain(5, 37, x.data(), w.data(), inverse.data(), again.data());
  EXPECT_EQ(y, again);
}

TEST(RmsNormTest, ARowOfZerosStaysZero) {
  const std::vector<float> x(8, 0.0f);
  const std::vector<float> w(8, 1.0f);
  std::vector<float> y(8, 5.0f);
  float inverse = 0;
  RmsNorm(1, 8, kEps, x.data(), w.data(), y.data(), &inverse);
  EXPECT_THAT(y, testing::Each(0.0f));
}

}  // namespace
}  // namespace dure::model::cpu
