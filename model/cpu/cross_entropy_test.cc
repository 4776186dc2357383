#include "model/cpu/cross_entropy.h"

#include "model/cpu/gradient_check.h"

namespace dure::model::cpu {
namespace {

TEST(CrossEntropyTest, GradientAgreesWithFiniteDifferences) {
  for (const size_t vocab : {1u, 5u, 33u}) {
    const std::vector<uint32_t> targets = {0, kIgnoredTarget, static_cast<uint32_t>(vocab - 1)};
    std::vector<float> logits = SomeFloats(3 * vocab, 1);
    for (float& x : logits) x *= 5;
    const auto loss = [&] {
      std::vector<float> copy = logits;
      return 0.5 * CrossEntropy(targets, vocab, copy.data());
    };
    std::vector<float> gradient = logits;
    EXPECT_NEAR(0.5 * CrossEntropyBackward(targets, vocab, 0.5f, gradient.data()), loss(), 1e-6);
    ExpectGradient(logits, gradient, loss);
  }
}

TEST(CrossEntropyTest, LargeLogitsDoNotOverflow) {
  std::vector<float> logits = {3e38f, -3e38f, 0.0f};
  EXPECT_NEAR(CrossEntropy(std::vector<uint32_t>{0}, 3, logits.data()), 0.0, 1e-6);
}

TEST(CrossEntropyTest, NanAndInfinityReachTheLoss) {
  for (const float bad : {std::nanf(""), INFINITY}) {
    for (size_t at = 0; at < 40; ++at) {
      std::vector<float> logits(40, 1.0f);
      logits[at] = bad;
      EXPECT_FALSE(std::isfinite(CrossEntropy(std::vector<uint32_t>{3}, 40, logits.data())));
    }
  }
}

}  // namespace
}  // namespace dure::model::cpu
