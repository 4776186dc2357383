#include "model/cpu/evaluate.h"

#include <algorithm>
#include <cmath>

#include "model/cpu/cross_entropy.h"
#include "model/cpu/tokens.h"
#include "model/cpu/transformer.h"
#include "model/layout.h"

namespace dure::model::cpu {
namespace {

BatchShape ShapeOf(const EvaluateOptions& o) {
  return {.batch = o.batch, .sequence = o.sequence, .threads = o.threads, .trains = false};
}

Status Refuse(const char* why) {
  return Fail(ErrorCode::kInvalid, std::string("evaluation: ") + why);
}

}  // namespace

struct Evaluator::State {
  State(const LlamaConfig& c, const EvaluateOptions& o, Arena memory, MemoryPlan plan)
      : config(c),
        options(o),
        parameter_count(LlamaLayout(c).parameter_count()),
        arena(std::move(memory)),
        transformer(c, ShapeOf(o), plan),
        workers(o.threads) {}

  const LlamaConfig config;
  const EvaluateOptions options;
  const uint64_t parameter_count;
  const Arena arena;
  Transformer transformer;
  Workers workers;
};

Result<std::unique_ptr<Evaluator>> Evaluator::Create(const LlamaConfig& config,
                                                     const EvaluateOptions& options) {
  DURE_TRY(Validate(config));
  if (options.batch < 1 || options.sequence < 1 || options.sequence > config.context ||
      uint64_t{options.batch} * options.sequence > (uint64_t{1} << 31)) {
    return Fail(Refuse("batch and sequence must be positive, sequence within the context").error());
  }
  if (options.threads < 1 || options.threads > kWorkersMax) {
    return Fail(Refuse("threads must be 1 to 1024").error());
  }
  MemoryPlan sum;
  PlanActivations(config, ShapeOf(options), sum);
  DURE_ASSIGN(Arena arena, Arena::Create(sum.bytes()));
  const MemoryPlan plan(arena);
  auto state = std::make_unique<State>(config, options, std::move(arena), plan);
  return std::unique_ptr<Evaluator>(new Evaluator(std::move(state)));
}

Evaluator::Evaluator(std::unique_ptr<State> state) : state_(std::move(state)) {}
Evaluator::~Evaluator() = default;

Result<Likelihood> Evaluator::Evaluate(std::span<const float> parameters,
                                       std::span<const uint32_t> inputs,
                                       std::span<const uint32_t> targets) {
  State& s = *state_;
  if (parameters.size() != s.parameter_count) {
    return Fail(Refuse("the parameters are not as many as the model has").error());
  }
  const size_t tokens_max = size_t{s.options.batch} * s.options.sequence;
  if (inputs.empty() || inputs.size() > tokens_max || inputs.size() % s.options.sequence != 0 ||
      inputs.size() != targets.size()) {
    return Fail(Refuse("inputs and targets must be 1 to batch whole sequences").error());
  }
  DURE_TRY(CheckTokens(s.config, inputs, targets));
  const auto ignored = std::count(targets.begin(), targets.end(), kIgnoredTarget);
  Likelihood result;
  result.tokens = targets.size() - static_cast<uint64_t>(ignored);
  result.nats = s.transformer.Loss(s.workers, parameters.data(), {inputs, targets});
  if (!std::isfinite(result.nats)) {
    return Fail(ErrorCode::kCorrupt, "evaluation: the likelihood is not finite");
  }
  return result;
}

}  // namespace dure::model::cpu
