// The steps of DP-SGD: samples drawn one by one, each sequence's gradient cut, noise on their sum.
//
// Life: made for a task, then Next as often as there are steps. Chance is from a key that only this
// process has, and only now: whoever could draw it again would know who was in a step and what the
// noise was. What is given to it outlives it. Not thread-safe.
#pragma once

#include "federation/noise/secret_random.h"
#include "model/cpu/train.h"
#include "model/seat/messages.h"
#include "model/text/batches.h"

namespace dure::trainer {

// kInvalid: half of what DP-SGD needs, which would make steps and no privacy.
Status CheckPrivate(const seat::TrainTask& request);

class PrivateSteps {
 public:
  PrivateSteps(const seat::TrainTask& request, std::span<const uint32_t> tokens,
               const text::Tokenizer& tokenizer);
  // Errors as TrainSession::PrivateStep.
  Result<model::cpu::StepResult> Next(model::cpu::TrainSession& session);

 private:
  const seat::TrainTask& request_;
  const std::span<const uint32_t> tokens_;
  const text::Tokenizer& tokenizer_;
  const uint64_t records_;
  noise::SecretRandom chance_;
  text::Batch batch_;
};

}  // namespace dure::trainer
