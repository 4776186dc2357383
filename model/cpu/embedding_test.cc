#include "model/cpu/embedding.h"

#include "model/cpu/gradient_check.h"

namespace dure::model::cpu {
namespace {

TEST(EmbeddingTest, GradientSumsOverRepeatedTokensInAnySplitOfColumns) {
  constexpr size_t kDim = 21;
  const std::vector<uint32_t> tokens = {2, 0, 2, 4, 2};
  std::vector<float> table = SomeFloats(5 * kDim, 1);
  const std::vector<float> dout = SomeFloats(tokens.size() * kDim, 2);
  std::vector<float> out(tokens.size() * kDim);
  const auto loss = [&] {
    Embed(tokens, kDim, table.data(), out.data());
    return WeightedSum(out, dout);
  };
  std::vector<float> gradient(table.size(), 0.0f);
  EmbedBackward(tokens, kDim, {0, 16}, dout.data(), gradient.data());
  EmbedBackward(tokens, kDim, {16, 21}, dout.data(), gradient.data());
  ExpectGradient(table, gradient, loss);
}

}  // namespace
}  // namespace dure::model::cpu
