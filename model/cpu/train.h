// A training session on the CPU: parameters, gradients, AdamW moments and one memory plan, driven
// step by step by the trainer process.
//
// In a gang every rank has a session and makes the same calls with the same arguments, the whole
// step's tokens included: each computes its share of every batch's sequences and owns its pieces of
// the vectors (model_memory.h). What comes out is the same for any number of ranks, within
// rounding, and the same bits on every rank. An error of the gang (kUnavailable, kCorrupt) ends the
// session: parameters are then unspecified.
//
// Life: Create, LoadParameters (or parameters made by model/initialize.h), LoadOptimizer when
// resuming, then Step as often as wanted, then parameters() to hand over and SaveOptimizer to keep.
// At each new round the trainer calls LoadParameters with the shared model; moments and step
// counter continue. Single-threaded interface: one thread calls; the session's own workers compute.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "federation/random.h"
#include "federation/result.h"
#include "model/collective/collective.h"
#include "model/config.h"
#include "model/cpu/cross_entropy.h"  // kIgnoredTarget
#include "model/cpu/optimizer_file.h"
#include "model/cpu/products.h"
#include "model/cpu/schedule.h"

namespace dure::model::cpu {

inline constexpr uint32_t kZeroStageMax = 3;

struct TrainOptions {
  Schedule schedule;  // learning rate
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double weight_decay = 0.1;  // decoupled; matrices only: no decay on norms and the embedding
  double clip_norm = 1.0;     // global norm of the gradient; 0 does not clip
  uint32_t batch = 8;         // sequences computed together
  uint32_t sequence = 128;    // tokens of one sequence, at most config.context
  uint32_t accumulation = 1;  // batches of one step
  uint32_t threads = 1;       // of a rank; sequences are shared out, so more than those are idle
  // Of the layers' and the head's products; weights, moments and sums are fp32 with either.
  Precision precision = Precision::kFp32;
  uint32_t zero = 1;  // what the ranks of a gang split: ZeRO's stage, 0 to 3
  // DP-SGD, by a session without others: the norm to which each sequence's gradient is cut, and the
  // deviation of the noise on their sum, in such norms. Above 0 steps are PrivateStep's, which
  // computes one sequence at a time, and clip_norm does nothing.
  double record_clip = 0;
  double record_noise = 0;
};

// kInvalid names the field and its bound.
Status Validate(const TrainOptions& options, const LlamaConfig& config);

struct StepResult {
  double loss = 0;           // mean negative log likelihood of the step's predicted tokens, in nats
  double gradient_norm = 0;  // before clipping
  double learning_rate = 0;
  uint64_t tokens = 0;  // predicted tokens: targets other than kIgnoredTarget
  uint64_t step = 0;    // steps done, this one included
};

class TrainSession {
 public:
  // kInvalid: configuration or options. kExhausted: the planned memory could not be mapped.
  static Result<std::unique_ptr<TrainSession>> Create(const LlamaConfig& config,
                                                      const TrainOptions& options);
  // A rank's; it does not speak with the others yet. REQUIRES: the gang outlives the session.
  static Result<std::unique_ptr<TrainSession>> Create(const LlamaConfig& config,
                                                      const TrainOptions& options,
                                                      collective::Collective& gang);
  ~TrainSession();
  TrainSession(const TrainSession&) = delete;
  TrainSession& operator=(const TrainSession&) = delete;

  // The bytes that Create maps for this configuration, all of them: parameters, gradients, moments,
  // activations, scratch; of the largest rank of a gang of `world`. REQUIRES: both are valid.
  static uint64_t PlannedBytes(const LlamaConfig& config, const TrainOptions& options,
                               uint32_t world = 1);

  // Copies the flat vector in; moments and step counter stay. kInvalid: its size is not the
  // layout's.
  Status LoadParameters(std::span<const float> parameters);

  // The flat vector, current after each Step; valid while the session lives. REQUIRES: a gang of
  // one, or a stage below 3.
  std::span<const float> parameters() const;
  // The same for any stage: copied to `flat`, which is empty on ranks that do not want it.
  // kInvalid: its size is not the layout's.
  Status GatherParameters(std::span<float> flat);

  // One optimizer step. inputs and targets have [accumulation, batch, sequence] tokens, row-major;
  // each sequence is independent, and targets[i] is what follows inputs[i]. Either the step is
  // done, or nothing changed: kInvalid: wrong size, a token beyond the vocabulary, or no target at
  // all; kFailedPrecondition: no parameters were loaded; kCorrupt: loss or gradient is NaN or
  // infinite.
  Result<StepResult> Step(std::span<const uint32_t> inputs, std::span<const uint32_t> targets);

  // One step of DP-SGD on a sample of the data: whole sequences of options.sequence tokens, any
  // number and also none. Each sequence's gradient is cut to record_clip, noise is added to their
  // sum, and that is divided by `expected_rows`, which must not depend on what was drawn. Tokens
  // told are those expected; the loss is of the drawn, for the owner's eyes. One sequence more or
  // less moves the sum by at most record_clip. Errors as Step, and kInvalid in a gang.
  Result<StepResult> PrivateStep(std::span<const uint32_t> inputs,
                                 std::span<const uint32_t> targets, double expected_rows,
                                 Random& random);

  // As given to the optimizer by the last step, before clip_norm; valid until the next one.
  // REQUIRES: a gang of one.
  std::span<const float> gradient() const;

  // Steps done since the beginning of training, across rounds.
  uint64_t step() const;

  // Moments and step counter as files: `path` whole, or in a gang path.<rank> with a rank's pieces.
  // Each file: magic, configuration digest, counter, m, v, SHA-256;
  // written beside and renamed, so a crash leaves the old file or the new one. kExhausted: the disk
  // is full.
  Status SaveOptimizer(const std::filesystem::path& path) const;
  // What a session of any world and stage saved under this path. kNotFound; kCorrupt: not whole;
  // kFailedPrecondition: of another configuration. Unchanged on failure. After it, and
  // LoadParameters with the parameters of the same moment, training continues bit for bit; unless
  // it was saved by Muon: then the moments are zero, and the counter goes on.
  Result<OptimizerState> LoadOptimizer(const std::filesystem::path& path);

 private:
  struct State;
  explicit TrainSession(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dure::model::cpu
