#include "model/cpu/rope.h"

#include "model/cpu/gradient_check.h"

namespace dure::model::cpu {
namespace {

TEST(RopeTest, RotatesTheHalvesOfAHeadAsHuggingFaceDoes) {
  const Rope rope(8, 4, 10000.0);
  std::vector<float> head = {1, 2, 3, 4};
  rope.Rotate({head.data(), 1, 4, 1, 5});
  // Pair (0, 2) turns by 5, pair (1, 3) by 5 / 100.
  EXPECT_NEAR(head[0], 1 * std::cos(5.0) - 3 * std::sin(5.0), 1e-6);
  EXPECT_NEAR(head[2], 3 * std::cos(5.0) + 1 * std::sin(5.0), 1e-6);
  EXPECT_NEAR(head[1], 2 * std::cos(0.05) - 4 * std::sin(0.05), 1e-6);
  EXPECT_NEAR(head[3], 4 * std::cos(0.05) + 2 * std::sin(0.05), 1e-6);
}

TEST(RopeTest, RotatingBackIsTheGradient) {
  const Rope rope(6, 6, 100.0);
  const size_t stride = 20;  // two heads of six, and eight floats that stay as they are
  std::vector<float> x = SomeFloats(6 * stride, 1);
  const std::vector<float> dy = SomeFloats(6 * stride, 2);
  const auto loss = [&] {
    std::vector<float> y = x;
    rope.Rotate({y.data(), 6, stride, 2});
    return WeightedSum(y, dy);
  };
  std::vector<float> dx = dy;
  rope.RotateBack({dx.data(), 6, stride, 2});
  ExpectGradient(x, dx, loss);
}

}  // namespace
}  // namespace dure::model::cpu
