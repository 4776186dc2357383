#include <algorithm>
#include <cmath>

#include "model/cpu/cross_entropy.h"
#include "model/cpu/tokens.h"
#include "model/cuda/decoder.h"
#include "model/cuda/inference.h"
#include "model/cuda/load_weights.h"

namespace dure::model::cuda {
namespace {

Status Refuse(const char* why) {
  return Fail(ErrorCode::kInvalid, std::string("evaluation: ") + why);
}

PassShape ShapeOf(const cpu::EvaluateOptions& o) {
  return {.batch = o.batch, .sequence = o.sequence};
}

template <typename T>
class OneEvaluator final : public Evaluator {
 public:
  OneEvaluator(Device& device, const LlamaConfig& config, const cpu::EvaluateOptions& options,
               std::span<const float> parameters, DeviceArena arena, DevicePlan plan)
      : config_(config),
        options_(options),
        arena_(std::move(arena)),
        weights_(cpu::WeightsOf<const T>(
            config, LoadWeights(device, parameters, plan.Take<T>(parameters.size())))),
        decoder_(device, config, ShapeOf(options), plan) {
    decoder_.Start();
  }

  Result<cpu::Likelihood> Evaluate(std::span<const uint32_t> inputs,
                                   std::span<const uint32_t> targets) override {
    const size_t most = size_t{options_.batch} * options_.sequence;
    if (inputs.empty() || inputs.size() > most || inputs.size() % options_.sequence != 0 ||
        inputs.size() != targets.size()) {
      return Fail(Refuse("inputs and targets must be 1 to batch whole sequences").error());
    }
    DURE_TRY(cpu::CheckTokens(config_, inputs, targets));
    const auto ignored = std::count(targets.begin(), targets.end(), cpu::kIgnoredTarget);
    decoder_.SetTokens(inputs, targets, 1);
    decoder_.Loss(0, weights_, nullptr);
    cpu::Likelihood result;
    result.tokens = targets.size() - static_cast<uint64_t>(ignored);
    DURE_ASSIGN(result.nats, decoder_.SumOfLosses());
    if (std::isfinite(result.nats)) return result;
    return Fail(ErrorCode::kCorrupt, "evaluation: the likelihood is not finite");
  }

 private:
  const LlamaConfig config_;
  const cpu::EvaluateOptions options_;
  const DeviceArena arena_;
  const cpu::Weights<const T> weights_;
  Decoder<T> decoder_;
};

template <typename T>
Result<std::unique_ptr<Evaluator>> Make(Device& device, const LlamaConfig& config,
                                        const cpu::EvaluateOptions& options,
                                        std::span<const float> parameters) {
  DURE_TRY(CheckBatch(config, options.batch));
  DevicePlan sum;
  sum.Take<T>(parameters.size());
  Decoder<T>::Plan(config, ShapeOf(options), sum);
  DURE_ASSIGN(DeviceArena arena, DeviceArena::Create(device, sum.bytes()));
  const DevicePlan plan(arena);
  return std::make_unique<OneEvaluator<T>>(device, config, options, parameters, std::move(arena),
                                           plan);
}

}  // namespace

Result<std::unique_ptr<Evaluator>> Evaluator::Create(Device& device, const LlamaConfig& config,
                                                     const cpu::EvaluateOptions& options,
                                                     NumberType numbers,
                                                     std::span<const float> parameters) {
  DURE_TRY(CheckWeights(config, parameters));
  if (options.batch < 1 || options.sequence < 1 || options.sequence > config.context ||
      uint64_t{options.batch} * options.sequence > (uint64_t{1} << 31)) {
    return Fail(Refuse("batch and sequence must be positive, sequence within the context").error());
  }
  return numbers == NumberType::kBf16 ? Make<Bf16>(device, config, options, parameters)
                                      : Make<float>(device, config, options, parameters);
}

}  // namespace dure::model::cuda
