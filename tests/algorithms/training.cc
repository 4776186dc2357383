#include "tests/algorithms/training.h"

#include <algorithm>

#include "federation/check.h"
#include "federation/random.h"
#include "model/cpu/transformer.h"
#include "model/initialize.h"
#include "model/layout.h"

namespace dure::algorithms {
namespace {

using model::cpu::Arena;
using model::cpu::BatchShape;
using model::cpu::MemoryPlan;
using model::cpu::PlanActivations;
using model::cpu::Transformer;
using model::cpu::Workers;

// Runs `use` with a transformer for that many sequences.
template <typename Use>
double WithTransformer(size_t sequences, bool trains, Use use) {
  const BatchShape shape{static_cast<uint32_t>(sequences), kSequence, 1, trains};
  MemoryPlan sizes;
  PlanActivations(Config(), shape, sizes);
  const auto arena = Arena::Create(sizes.bytes());
  DURE_CHECK(arena.has_value(), "a small model fits in memory");
  MemoryPlan plan(*arena);
  Transformer transformer(Config(), shape, plan);
  Workers workers(1);
  return use(transformer, workers);
}

}  // namespace

model::LlamaConfig Config() {
  return {
      .vocab = 31, .dim = 32, .layers = 2, .heads = 4, .kv_heads = 2, .ffn_dim = 40, .context = 16};
}

Weights FirstWeights() {
  Weights weights(model::LlamaLayout(Config()).parameter_count());
  model::Initialize(Config(), 3, weights);
  return weights;
}

Tokens Counting(uint64_t seed, size_t sequences, uint64_t least_step) {
  SeededRandom random(seed);
  Tokens tokens;
  const uint64_t vocabulary = Config().vocab;
  for (size_t s = 0; s < sequences; ++s) {
    const uint64_t first = random.Below(vocabulary);
    const uint64_t step = least_step + random.Below(2);
    for (uint64_t t = 0; t < kSequence; ++t) {
      tokens.inputs.push_back(static_cast<uint32_t>((first + step * t) % vocabulary));
      tokens.targets.push_back(static_cast<uint32_t>((first + step * (t + 1)) % vocabulary));
    }
  }
  return tokens;
}

Trainer::Trainer() {
  options_.schedule = {.peak = 5e-3, .warmup_steps = 5};
  options_.batch = kBatch;
  options_.sequence = kSequence;
  auto session = model::cpu::TrainSession::Create(Config(), options_);
  DURE_CHECK(session.has_value(), "the test's options are valid");
  session_ = *std::move(session);
}

const Weights& Trainer::Train(const Weights& shared, uint64_t steps, uint64_t seed,
                              uint64_t least_step) {
  DURE_CHECK(session_->LoadParameters(shared), "the shared model has the layout's size");
  for (uint64_t i = 0; i < steps; ++i) {
    Tokens tokens = Counting(seed + session_->step(), kBatch, least_step);
    if (flips_labels_) {
      for (uint32_t& target : tokens.targets) target = Config().vocab - 1 - target;
    }
    DURE_CHECK(session_->Step(tokens.inputs, tokens.targets), "a step is done");
  }
  trained_.assign(session_->parameters().begin(), session_->parameters().end());
  return trained_;
}

double Trainer::LearningRateSum(uint64_t begin, uint64_t end) const {
  return model::cpu::LearningRateSum(options_.schedule, begin, end);
}

double Loss(const Weights& weights, const Tokens& tokens) {
  return WithTransformer(tokens.inputs.size() / kSequence, false, [&](auto& model, auto& workers) {
    return model.Loss(workers, weights.data(), {tokens.inputs, tokens.targets}) /
           static_cast<double>(tokens.inputs.size());
  });
}

Weights Gradient(const Weights& weights, const Tokens& tokens) {
  Weights gradient(weights.size(), 0.0F);
  WithTransformer(tokens.inputs.size() / kSequence, true, [&](auto& model, auto& workers) {
    const float scale = 1.0F / static_cast<float>(tokens.inputs.size());
    return model.LossAndGradient(workers, weights.data(), {tokens.inputs, tokens.targets}, scale,
                                 gradient.data());
  });
  return gradient;
}

}  // namespace dure::algorithms
