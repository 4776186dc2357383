// Parameters, gradients and moments of one rank, and what of them is brought and taken away while a
// step is computed (Rajbhandari et al. 2020, ZeRO). Each part of the model (weights.h) is cut into
// one piece a rank; what a rank owns of each part is always whole here, in its order:
//
//   stage 0   everything on every rank; gradients are summed on all
//   stage 1   moments of the own pieces only
//   stage 2   also gradients: those of a layer live until they are summed at their owners
//   stage 3   also parameters: those of a layer are gathered before it, and forgotten after it
//
// From stage 2 (and 3) on, embedding, norm and head and two layers are held whole while a pass
// needs them. A gang of one holds everything, without a copy, a hook or a thread.
//
// Life, as train.cc does: Load; for each step BeginStep, for each pass of it BeginPass, the pass
// with weights(), gradients() and hooks(), EndPass; then SquaredNorm, the update of owned(),
// EndStep. Every rank makes the same calls. Errors are the gang's (collective.h).
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "model/collective/queue.h"
#include "model/config.h"
#include "model/cpu/memory_plan.h"
#include "model/cpu/transformer.h"

namespace dure::model::cpu {

// A stretch of the flat vector [begin, begin + size) that this rank updates.
struct Owned {
  size_t begin;
  size_t size;
  float* parameters;
  float* gradients;
  float* m;
  float* v;
};

struct Sharding {
  uint32_t rank = 0;
  uint32_t world = 1;
  uint32_t stage = 0;  // 0 in a gang of one
};

// The embedding, a layer, or the top, and what of it is whose.
struct Part {
  size_t begin;  // in the flat vector
  size_t size;
  collective::Piece piece;  // of it, this rank's
  size_t own_at;            // in the vectors of own pieces
  uint32_t place;           // of the four buffers: embedding, top, two layers
};
// In the order of the flat vector; stage 0 makes every part this rank's.
std::vector<Part> PartsOf(const LlamaConfig& config, const Sharding& sharding);

class ModelMemory final : private PassHooks {
 public:
  // Takes its buffers from the plan, zeroed. REQUIRES: the gang outlives it; stage <= 3.
  ModelMemory(const LlamaConfig& config, collective::Collective& gang, uint32_t stage,
              MemoryPlan& plan);
  // The same amount from an empty plan.
  static void Plan(const LlamaConfig& config, const Sharding& sharding, MemoryPlan& plan);

  // REQUIRES: flat has the layout's parameter count.
  void Load(std::span<const float> flat);
  bool has_all_parameters() const { return sharding_.stage < 3; }
  // REQUIRES: has_all_parameters().
  std::span<const float> parameters() const;
  // The whole flat vector into `flat`, which may be empty where it is not wanted.
  Status Gather(std::span<float> flat);

  void BeginStep(Workers& workers);
  void BeginPass(bool is_last_of_step);
  const Weights<const float>& weights() const { return weights_; }
  const Weights<float>& gradients() const { return gradients_; }
  PassHooks* hooks() { return queue_ ? this : nullptr; }
  Status EndPass();
  // Of the summed gradient, over all ranks.
  Result<double> SquaredNorm(Workers& workers);
  std::span<const Owned> owned() const { return owned_; }
  size_t owned_size() const { return owned_size_; }
  Status EndStep();

 private:
  // Where things lie; null where a stage does not hold them.
  struct Buffers {
    float* parameters = nullptr;  // all
    float* gradients = nullptr;   // all
    float* own_parameters = nullptr;
    float* own_gradients = nullptr;
    float* m = nullptr;  // own
    float* v = nullptr;
    std::array<float*, 4> part_parameters{};  // embedding, top, two layers
    std::array<float*, 4> part_gradients{};
  };
  static Buffers PlanBuffers(const LlamaConfig& config, const Sharding& sharding, MemoryPlan& plan);

  void BeforeForward(uint32_t layer) override;
  void BeforeBackward(uint32_t layer) override;
  void GradientDone(uint32_t part) override;

  void FetchLayer(uint32_t layer);
  uint64_t PushGather(uint32_t part);
  float* ParametersOf(uint32_t part) const;
  float* GradientsOf(uint32_t part) const;

  const LlamaConfig config_;
  const Sharding sharding_;
  const std::vector<Part> parts_;
  const Buffers buffers_;
  collective::Collective& gang_;
  std::unique_ptr<collective::Queue> queue_;  // null in a gang of one
  Weights<const float> weights_;
  Weights<float> gradients_;
  std::vector<Owned> owned_;
  size_t owned_size_ = 0;
  bool sums_now_ = false;  // this pass is the step's last, or each pass's gradients are summed

  // Stage 3: what the part buffers hold, and when it is there.
  bool holds_ends_ = false;  // embedding and top
  uint64_t ends_ticket_ = 0;
  std::array<uint32_t, 2> held_layer_{};
  std::array<uint64_t, 2> layer_ticket_{};
  // Stages 2 and 3: when a layer's gradient buffer is free again.
  std::array<uint64_t, 2> gradient_ticket_{};
};

}  // namespace dure::model::cpu
