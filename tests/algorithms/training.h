// A small language model that learns to count, trained by the CPU engine: what the algorithm tests
// train.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "model/cpu/train.h"

namespace dure::algorithms {

using Weights = std::vector<float>;

struct Tokens {
  std::vector<uint32_t> inputs;
  std::vector<uint32_t> targets;
};

inline constexpr uint32_t kSequence = 16;
inline constexpr uint32_t kBatch = 4;

model::LlamaConfig Config();
Weights FirstWeights();
// Sequences that count upwards by a step. Sites draw theirs from different seeds and step sizes.
Tokens Counting(uint64_t seed, size_t sequences, uint64_t least_step = 1);

// One site's inner optimizer: AdamW whose moments and schedule continue over rounds.
class Trainer {
 public:
  Trainer();
  // Loads the shared model and takes `steps` steps; step i of training reads Counting(seed + i).
  const Weights& Train(const Weights& shared, uint64_t steps, uint64_t seed,
                       uint64_t least_step = 1);
  // From now on it trains on wrong labels: each target t is read as the vocabulary's t-th from the
  // end.
  void FlipLabels() { flips_labels_ = true; }
  double LearningRateSum(uint64_t begin, uint64_t end) const;

 private:
  model::cpu::TrainOptions options_;
  std::unique_ptr<model::cpu::TrainSession> session_;
  Weights trained_;
  bool flips_labels_ = false;
};

// Mean loss in nats a token.
double Loss(const Weights& weights, const Tokens& tokens);
// The gradient of that mean loss.
Weights Gradient(const Weights& weights, const Tokens& tokens);

}  // namespace dure::algorithms
