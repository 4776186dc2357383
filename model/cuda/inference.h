// Evaluation and generation on a device: weights converted once and kept there, results as the
// CPU's (cpu/evaluate.h, cpu/generate.h) within the stated errors.
#pragma once

#include <memory>
#include <span>

#include "model/cpu/evaluate.h"
#include "model/cpu/generate.h"
#include "model/cuda/device.h"

namespace dure::model::cuda {

class Evaluator {
 public:
  // Takes what it needs and converts `parameters`, which are then not needed any more. kInvalid:
  // configuration, options or size. kExhausted: the device's memory. REQUIRES: the device outlives
  // it.
  static Result<std::unique_ptr<Evaluator>> Create(Device& device, const LlamaConfig& config,
                                                   const cpu::EvaluateOptions& options,
                                                   NumberType numbers,
                                                   std::span<const float> parameters);
  virtual ~Evaluator() = default;
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;

  // As cpu::Evaluator::Evaluate.
  virtual Result<cpu::Likelihood> Evaluate(std::span<const uint32_t> inputs,
                                           std::span<const uint32_t> targets) = 0;

 protected:
  Evaluator() = default;
};

class Generator {
 public:
  // As Evaluator::Create.
  static Result<std::unique_ptr<Generator>> Create(Device& device, const LlamaConfig& config,
                                                   NumberType numbers,
                                                   std::span<const float> parameters);
  virtual ~Generator() = default;
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  // As cpu::Generator's.
  virtual void Reset() = 0;
  virtual Result<std::span<const float>> Advance(std::span<const uint32_t> tokens) = 0;
  Result<std::vector<uint32_t>> Generate(std::span<const uint32_t> prompt,
                                         const cpu::GenerateOptions& options,
                                         const std::function<bool(uint32_t)>& on_token = {});

 protected:
  explicit Generator(const LlamaConfig& config) : config_(config) {}
  // Generate's, of temperature 0, from the beginning of the context.
  virtual Result<std::vector<uint32_t>> MakeMostLikely(
      std::span<const uint32_t> prompt, const cpu::GenerateOptions& options,
      const std::function<bool(uint32_t)>& on_token) = 0;
  const LlamaConfig config_;
};

}  // namespace dure::model::cuda
