// The whole model against a double reference: loss by value, gradient by finite differences.
#include "model/cpu/transformer.h"

#include <gmock/gmock.h>

#include <limits>

#include "federation/random.h"
#include "model/cpu/reference_model.h"
#include "model/initialize.h"

namespace dure::model::cpu {
namespace {

struct Case {
  std::string name;
  LlamaConfig config;
  uint32_t batch = 2;
  uint32_t sequence = 5;
  uint32_t threads = 1;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

// Larger than Initialize makes them, so that softmax and SiLU leave their linear range.
std::vector<float> LivelyParameters(const LlamaConfig& config) {
  std::vector<float> parameters(LlamaLayout(config).parameter_count());
  Initialize(config, 7, parameters);
  SeededRandom random(8);
  for (float& p : parameters) {
    p = p * 12.0f + (static_cast<float>(random.Below(1000)) / 1000.0f - 0.5f) * 0.2f;
    if (p > 5.0f) p -= 11.0f;  // norms
  }
  return parameters;
}

struct Tokens {
  std::vector<uint32_t> inputs;
  std::vector<uint32_t> targets;
};

Tokens SomeTokens(const Case& c) {
  SeededRandom random(9);
  Tokens tokens;
  for (uint32_t i = 0; i < c.batch * c.sequence; ++i) {
    tokens.inputs.push_back(static_cast<uint32_t>(random.Below(c.config.vocab)));
    tokens.targets.push_back(static_cast<uint32_t>(random.Below(c.config.vocab)));
  }
  tokens.targets[1] = kIgnoredTarget;
  return tokens;
}

double ReferenceLoss(const ReferenceModel& model, const Case& c, const Tokens& tokens) {
  double loss = 0;
  for (size_t at = 0; at < tokens.inputs.size(); at += c.sequence) {
    const auto part = [&](const std::vector<uint32_t>& all) {
      return std::vector<uint32_t>(all.begin() + static_cast<ptrdiff_t>(at),
                                   all.begin() + static_cast<ptrdiff_t>(at + c.sequence));
    };
    loss += model.Loss(part(tokens.inputs), part(tokens.targets));
  }
  return loss;
}

class TransformerTest : public testing::TestWithParam<Case> {
 protected:
  double Run(bool trains, const std::vector<float>& parameters, const Tokens& tokens,
             std::vector<float>* gradients) {
    const Case& c = GetParam();
    const BatchShape shape{c.batch, c.sequence, c.threads, trains};
    MemoryPlan sum;
    PlanActivations(c.config, shape, sum);
    const Arena arena = std::move(*Arena::Create(sum.bytes()));
    MemoryPlan plan(arena);
    Transformer transformer(c.config, shape, plan);
    Workers workers(c.threads);
    const TokenBatch batch{tokens.inputs, tokens.targets};
    if (!trains) return transformer.Loss(workers, parameters.data(), batch);
    gradients->assign(parameters.size(), 0.0f);
    return transformer.LossAndGradient(workers, parameters.data(), batch, 1.0f, gradients->data());
  }
};

TEST_P(TransformerTest, LossAgreesWithTheReferenceInTrainingAndEvaluation) {
  const Case& c = GetParam();
  const std::vector<float> parameters = LivelyParameters(c.config);
  const Tokens tokens = SomeTokens(c);
  const ReferenceModel reference(c.config, {parameters.begin(), parameters.end()});
  const double expected = ReferenceLoss(reference, c, tokens);
  std::vector<float> gradients;
  EXPECT_NEAR(Run(false, parameters, tokens, nullptr), expected, 1e-4 * expected);
  EXPECT_NEAR(Run(true, parameters, tokens, &gradients), expected, 1e-4 * expected);
}

TEST_P(TransformerTest, GradientAgreesWithFiniteDifferencesOfTheReference) {
  const Case& c = GetParam();
  const std::vector<float> parameters = LivelyParameters(c.config);
  const Tokens tokens = SomeTokens(c);
  std::vector<float> gradients;
  Run(true, parameters, tokens, &gradients);
  ReferenceModel reference(c.config, {parameters.begin(), parameters.end()});
  const Layout layout = LlamaLayout(c.config);
  for (const TensorSpec& tensor : layout.tensors()) {
    const uint64_t stride = tensor.size / 12 + 1;
    for (uint64_t i = tensor.offset; i < tensor.offset + tensor.size; i += stride) {
      constexpr double kStep = 1e-5;
      const double old = reference.parameters()[i];
      reference.parameters()[i] = old + kStep;
      const double above = ReferenceLoss(reference, c, tokens);
      reference.parameters()[i] = old - kStep;
      const double below = ReferenceLoss(reference, c, tokens);
      reference.parameters()[i] = old;
      const double expected = (above - below) / (2 * kStep);
      ASSERT_NEAR(gradients[i], expected, 2e-3 + 2e-3 * std::abs(expected))
          << tensor.name << " element " << i - tensor.offset;
    }
  }
}

TEST_P(TransformerTest, ANanInAnyLayerReachesTheLoss) {
  const Case& c = GetParam();
  const Tokens tokens = SomeTokens(c);
  const Layout layout = LlamaLayout(c.config);
  for (const TensorSpec& tensor : layout.tensors()) {
    if (tensor.name == "model.embed_tokens.weight") continue;  // a row that no token reads
    std::vector<float> parameters = LivelyParameters(c.config);
    parameters[tensor.offset] = std::numeric_limits<float>::quiet_NaN();
    std::vector<float> gradients;
    EXPECT_TRUE(std::isnan(Run(true, parameters, tokens, &gradients))) << tensor.name;
  }
}

LlamaConfig Small() {
  return {.vocab = 23,
          .dim = 24,
          .layers = 2,
          .heads = 2,
          .kv_heads = 2,
          .ffn_dim = 18,
          .context = 200,
          .tie_embeddings = false};
}
LlamaConfig Tied() {
  LlamaConfig c = Small();
  c.tie_embeddings = true;
  return c;
}
LlamaConfig Grouped() {
  LlamaConfig c = Small();
  c.heads = 6;
  c.kv_heads = 2;
  return c;
}
LlamaConfig OneKeyHead() {
  LlamaConfig c = Tied();
  c.heads = 4;
  c.kv_heads = 1;
  c.ffn_dim = 7;
  return c;
}

INSTANTIATE_TEST_SUITE_P(Shapes, TransformerTest,
                         testing::Values(Case{"Untied", Small()}, Case{"Tied", Tied()},
                                         Case{"Grouped", Grouped()},
                                         Case{"OneKeyHead", OneKeyHead()},
                                         Case{"TwoThreads", Tied(), 3, 5, 2},
                                         Case{"MoreThreadsThanSequences", Small(), 2, 4, 3},
                                         Case{"SeveralQueryBlocks", Grouped(), 1, 130, 1},
                                         Case{"OneToken", Small(), 2, 1, 2}),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace dure::model::cpu
