// A training session on a device: as cpu::TrainSession, with the same options, results and files,
// so that a site can change its machine between two rounds.
//
// Life: Create, LoadParameters, LoadOptimizer when resuming, Step as often as wanted,
// GatherParameters to hand over, SaveOptimizer to keep. In a gang every rank makes the same calls
// with the same arguments. One thread calls.
#pragma once

#include <filesystem>
#include <memory>
#include <span>

#include "model/cpu/train.h"
#include "model/cuda/activations.h"
#include "model/cuda/model_memory.h"

namespace dure::model::cuda {

struct CudaOptions {
  NumberType numbers = NumberType::kBf16;  // of weights, activations and their gradients
  Recompute recompute = Recompute::kNorms;
  bool rounds_by_chance = false;  // bf16 weights from their masters: unbiased, instead of nearest
  uint64_t chance_seed = 0;       // for that; the same on every rank
  bool uses_muon = false;         // for the layers' matrices; AdamW for the rest
  bool same_bits = false;         // from the same start each time, on one kind of GPU; slower
};

class TrainSession {
 public:
  virtual ~TrainSession() = default;
  TrainSession(const TrainSession&) = delete;
  TrainSession& operator=(const TrainSession&) = delete;

  // kInvalid: configuration or options: DP-SGD, which needs the CPU; Muon with split matrices.
  // kExhausted: the device has less memory than PlannedBytes, or has it no more; nothing has been
  // computed then. REQUIRES: device and gang outlive the session.
  static Result<std::unique_ptr<TrainSession>> Create(Device& device, const LlamaConfig& config,
                                                      const cpu::TrainOptions& options,
                                                      const CudaOptions& cuda, const Ranks& gang);

  // Device memory of the largest rank of a gang of `world`, all of it but what cuBLASLt and the
  // driver take (kDriverBytes).
  static uint64_t PlannedBytes(const LlamaConfig& config, const cpu::TrainOptions& options,
                               const CudaOptions& cuda, uint32_t world = 1);

  // As cpu::TrainSession's, each.
  virtual Status LoadParameters(std::span<const float> parameters) = 0;
  virtual Result<cpu::StepResult> Step(std::span<const uint32_t> inputs,
                                       std::span<const uint32_t> targets) = 0;
  virtual Status GatherParameters(std::span<float> flat) = 0;
  virtual Status SaveOptimizer(const std::filesystem::path& path) = 0;
  virtual Result<cpu::OptimizerState> LoadOptimizer(const std::filesystem::path& path) = 0;
  virtual uint64_t step() const = 0;
  // Of the last step, before clipping, copied. REQUIRES: a gang of one, without Muon.
  virtual Result<std::vector<float>> Gradient() = 0;

 protected:
  TrainSession() = default;
};

// What the driver, its libraries and fragments may take besides the plan.
inline constexpr uint64_t kDriverBytes = uint64_t{1} << 30;

}  // namespace dure::model::cuda
