#include "model/cpu/attention.h"

#include "model/cpu/gradient_check.h"

namespace dure::model::cpu {
namespace {

struct OneSequence {
  AttentionShape shape;
  size_t stride() const { return (shape.heads + 2 * shape.kv_heads) * shape.head_dim; }
  size_t width() const { return shape.heads * shape.head_dim; }

  // One fused row holds query, key and value, as in the model.
  AttentionInput Input(const std::vector<float>& qkv) const {
    const float* q = qkv.data();
    const float* k = q + width();
    return {q, stride(), k, k + shape.kv_heads * shape.head_dim, stride()};
  }
  std::vector<float> Forward(const std::vector<float>& qkv, std::vector<float>& log_sum) const {
    std::vector<float> out(shape.queries * width());
    std::vector<float> scratch(AttentionScratch(shape));
    log_sum.resize(shape.queries * shape.heads);
    Attention(shape, Input(qkv), out.data(), log_sum.data(), scratch.data());
    return out;
  }
};

class AttentionShapeTest : public testing::TestWithParam<AttentionShape> {};

TEST_P(AttentionShapeTest, GradientAgreesWithFiniteDifferences) {
  const OneSequence run{GetParam()};
  std::vector<float> qkv = SomeFloats(run.shape.keys * run.stride(), 1);
  const std::vector<float> dout = SomeFloats(run.shape.queries * run.width(), 2);
  std::vector<float> log_sum;
  const auto loss = [&] { return WeightedSum(run.Forward(qkv, log_sum), dout); };
  const std::vector<float> out = run.Forward(qkv, log_sum);
  std::vector<float> dqkv(qkv.size(), 77.0f);
  float* dq = dqkv.data();
  float* dk = dq + run.width();
  std::vector<float> scratch(AttentionScratch(run.shape));
  AttentionBackward(run.shape, run.Input(qkv), {out.data(), log_sum.data(), dout.data()},
                    {dq, dk, dk + run.shape.kv_heads * run.shape.head_dim}, scratch.data());
  ExpectGradient(qkv, dqkv, loss);
}

INSTANTIATE_TEST_SUITE_P(Shapes, AttentionShapeTest,
                         testing::Values(AttentionShape{1, 1, 1, 1, 2},
                                         AttentionShape{5, 5, 2, 2, 4},
                                         AttentionShape{7, 7, 6, 2, 2},
                                         AttentionShape{9, 9, 4, 1, 6},
                                         AttentionShape{67, 67, 1, 1, 2}));

TEST(AttentionTest, APositionNeverSeesLaterOnes) {
  const OneSequence run{{70, 70, 2, 1, 4}};
  std::vector<float> qkv = SomeFloats(70 * run.stride(), 1);
  std::vector<float> log_sum;
  const std::vector<float> before = run.Forward(qkv, log_sum);
  for (size_t i = 40 * run.stride(); i < qkv.size(); ++i) qkv[i] += 3.0f;
  const std::vector<float> after = run.Forward(qkv, log_sum);
  for (size_t i = 0; i < 40 * run.width(); ++i) ASSERT_NEAR(before[i], after[i], 1e-6);
  EXPECT_NE(before.back(), after.back());
}

TEST(AttentionTest, TheLastQueriesAloneGiveTheSameRows) {
  const OneSequence whole{{70, 70, 4, 2, 4}};
  const std::vector<float> qkv = SomeFloats(70 * whole.stride(), 1);
  std::vector<float> log_sum;
  const std::vector<float> expected = whole.Forward(qkv, log_sum);
  const OneSequence last{{3, 70, 4, 2, 4}};
  std::vector<float> out(3 * last.width());
  std::vector<float> scratch(AttentionScratch(last.shape));
  AttentionInput in = whole.Input(qkv);
  in.q += 67 * whole.stride();
  log_sum.assign(3 * 4, 0.0f);
  Attention(last.shape, in, out.data(), log_sum.data(), scratch.data());
  for (size_t i = 0; i < out.size(); ++i) {
    ASSERT_NEAR(out[i], expected[67 * whole.width() + i], 1e-6);
  }
}

}  // namespace
}  // namespace dure::model::cpu
