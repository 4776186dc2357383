// The likelihood a model gives to token sequences. Whoever knows the text turns nats into bits per
// byte.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "federation/result.h"
#include "model/config.h"

namespace dure::model::cpu {

struct EvaluateOptions {
  uint32_t batch = 8;       // most sequences of one call
  uint32_t sequence = 128;  // tokens of each sequence, at most config.context
  uint32_t threads = 1;
};

struct Likelihood {
  double nats = 0;      // sum of -ln p(target) over predicted tokens
  uint64_t tokens = 0;  // predicted tokens

  Likelihood& operator+=(const Likelihood& other) {
    nats += other.nats;
    tokens += other.tokens;
    return *this;
  }
};

class Evaluator {
 public:
  // kInvalid: configuration or options. kExhausted: memory.
  static Result<std::unique_ptr<Evaluator>> Create(const LlamaConfig& config,
                                                   const EvaluateOptions& options);
  ~Evaluator();
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;

  // inputs and targets are [rows, sequence] with rows in [1, batch]; targets may hold
  // kIgnoredTarget (train.h), also to pad. `parameters` is the flat vector, read only during the
  // call (a mapping does). kInvalid: sizes or tokens; kCorrupt: the likelihood is NaN or infinite.
  Result<Likelihood> Evaluate(std::span<const float> parameters, std::span<const uint32_t> inputs,
                              std::span<const uint32_t> targets);

 private:
  struct State;
  explicit Evaluator(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dure::model::cpu
