#include "model/cpu/swiglu.h"

#include "model/cpu/gradient_check.h"
#include "model/cpu/simd.h"

namespace dure::model::cpu {
namespace {

TEST(SwiGluTest, GradientAgreesWithFiniteDifferencesAtOddWidths) {
  for (const size_t width : {1u, 19u, 40u}) {
    std::vector<float> x = SomeFloats(2 * 2 * width, 1);
    for (float& v : x) v *= 4;
    const std::vector<float> dy = SomeFloats(2 * width, 2);
    std::vector<float> y(2 * width);
    const auto loss = [&] {
      SwiGlu(2, width, x.data(), y.data());
      return WeightedSum(y, dy);
    };
    loss();
    std::vector<float> again(2 * width);
    std::vector<float> dx(x.size());
    SwiGluBackward(2, width, x.data(), dy.data(), again.data(), dx.data());
    for (size_t i = 0; i < y.size(); ++i) EXPECT_FLOAT_EQ(again[i], y[i]);
    ExpectGradient(x, dx, loss);
  }
}

TEST(SwiGluTest, LargeGatesNeitherOverflowNorVanish) {
  const std::vector<float> x = {200.0f, -200.0f, 1.0f, 1.0f};
  std::vector<float> y(2);
  SwiGlu(1, 2, x.data(), y.data());
  EXPECT_FLOAT_EQ(y[0], 200.0f);
  EXPECT_NEAR(y[1], 0.0f, 1e-30);
}

TEST(FastExpTest, IsWithinTwoUnitsInTheLastPlaceOverItsRange) {
  for (double x = -87.0; x <= 88.0; x += 0.00137) {
    const double expected = std::exp(static_cast<double>(static_cast<float>(x)));
    const double got = static_cast<double>(FastExp(static_cast<float>(x)));
    ASSERT_LE(std::abs(got - expected), 2.4e-7 * expected) << x;
  }
}

TEST(FastExpTest, ClampsAndKeepsNan) {
  EXPECT_GT(FastExp(-1e30f), 0.0f);
  EXPECT_LT(FastExp(-INFINITY), 1e-37f);
  EXPECT_TRUE(std::isfinite(FastExp(1e30f)));
  for (const uint32_t bits : {0x7fc00000u, 0xffc00000u, 0x7fc00123u, 0x7fffffffu}) {
    EXPECT_TRUE(std::isnan(FastExp(std::bit_cast<float>(bits))));
  }
}

}  // namespace
}  // namespace dure::model::cpu
