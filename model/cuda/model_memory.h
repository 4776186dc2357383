// Masters, weights, gradients and moments of one rank on its device, and what of them is brought
// and taken away while a step is computed: cpu/model_memory.h's stages of ZeRO, with weights that
// are computed with (T, held or gathered) apart from their fp32 masters (always the own pieces).
//
//   stage 0   everything on every rank; gradients are summed on all
//   stage 1   masters and moments of the own pieces only
//   stage 2   also gradients: those of a layer live until they are summed at their owners
//   stage 3   also weights: those of a layer are gathered before it, and forgotten after it
//
// Sums run on the gang's queue while the next layer is computed: a part's ticket is waited for
// before its buffer is used again. A gang of one holds everything and has no queue.
//
// Life: Load; for each step BeginStep, for each pass BeginPass, the pass with weights(),
// gradients() and hooks(), EndPass; SquaredNorm, the update of owned(), EndStep. Every rank makes
// the same calls.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "model/collective/queue.h"
#include "model/cpu/model_memory.h"
#include "model/cuda/device_plan.h"
#include "model/cuda/gang.h"

namespace dure::model::cuda {

// A stretch of the flat vector [begin, begin + size) that this rank updates.
template <typename T>
struct OwnedOnDevice {
  uint64_t begin;
  uint64_t size;
  float* masters;
  float* gradients;
  float* m;
  float* v;
  T* weights;  // written by the update
};

// The gang of a device; of one, nothing but `ranks`.
struct Ranks {
  collective::Collective& ranks;
  DeviceGang* devices = nullptr;  // null in a gang of one
};

template <typename T>
class ModelMemory final : private cpu::PassHooks {
 public:
  // Takes its buffers from the plan. REQUIRES: device and gang outlive it; stage <= 3.
  ModelMemory(Device& device, const LlamaConfig& config, const Ranks& gang, uint32_t stage,
              DevicePlan& plan);
  // The same amount from an empty plan.
  static void Plan(const LlamaConfig& config, const cpu::Sharding& sharding, DevicePlan& plan);

  // Moments become zero where `clears_moments`. REQUIRES: flat has the layout's parameter count.
  void Load(std::span<const float> flat, bool clears_moments);
  // The masters of the whole model into `flat`, or a rank's own only on those where it is empty;
  // through the ranks' Collective.
  Status Gather(std::span<float> flat);

  void BeginStep();
  void BeginPass(bool is_last_of_step);
  const cpu::Weights<const T>& weights() const { return weights_; }
  const cpu::Weights<float>& gradients() const { return gradients_; }
  cpu::PassHooks* hooks() { return queue_ ? this : nullptr; }
  Status EndPass();
  // Of the summed gradient, over all ranks; waits for it.
  Result<double> SquaredNorm();
  std::span<const OwnedOnDevice<T>> owned() const { return owned_; }
  // After the update: brings the others' new weights.
  Status EndStep();

 private:
  using Part = cpu::Part;
  struct Buffers {
    float* masters = nullptr;
    float* m = nullptr;
    float* v = nullptr;
    T* weights = nullptr;              // all; null in stage 3
    T* own_weights = nullptr;          // stage 3
    float* gradients = nullptr;        // all; null from stage 2
    float* own_gradients = nullptr;    // from stage 2
    std::array<T*, 4> part_weights{};  // embedding, top, two layers
    std::array<float*, 4> part_gradients{};
    double* sums = nullptr;
  };
  static Buffers PlanBuffers(const LlamaConfig& config, const cpu::Sharding& sharding,
                             DevicePlan& plan);

  void BeforeForward(uint32_t layer) override;
  void BeforeBackward(uint32_t layer) override;
  void GradientDone(uint32_t part) override;

  void Own();
  void FetchLayer(uint32_t layer);
  uint64_t PushGather(uint32_t part);
  // Takes a summed part's gradient out of its buffer, which is then free.
  void Settle(uint32_t place);
  T* WeightsOf(uint32_t part) const;
  float* GradientsOf(uint32_t part) const;

  Device& device_;
  const LlamaConfig config_;
  const cpu::Sharding sharding_;
  const std::vector<Part> parts_;
  const Buffers b_;
  const Ranks gang_;
  std::unique_ptr<collective::Queue> queue_;  // null in a gang of one
  cpu::Weights<const T> weights_;
  cpu::Weights<float> gradients_;
  std::vector<OwnedOnDevice<T>> owned_;
  uint64_t owned_size_ = 0;
  bool sums_now_ = false;  // this pass is the step's last, or each pass's gradients are summed

  bool holds_ends_ = false;  // stage 3: embedding and top
  uint64_t ends_ticket_ = 0;
  std::array<uint32_t, 2> held_layer_{};
  std::array<uint64_t, 2> layer_ticket_{};
  // Stages 2 and 3: the part whose sum is on its way in each place, and its ticket.
  struct Pending {
    uint64_t ticket = 0;  // 0: none
    uint32_t part = 0;
  };
  std::array<Pending, 4> pending_{};
};

}  // namespace dure::model::cuda
