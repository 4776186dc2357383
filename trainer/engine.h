// What computes: the CPU's engine, or a GPU's where one is asked for or found. Chosen once, at
// start, by all ranks together and before they are confined: libraries are loaded, the device is
// opened and the ranks' GPUs have met by then.
//
// What a GPU's engine does not do is done by the CPU's: DP-SGD, and models that it refuses
// (CheckModel), unless the GPU was demanded.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "model/cuda/inference.h"
#include "model/cuda/train.h"
#include "model/seat/messages.h"

namespace dure::trainer {

struct EngineOptions {
  enum class Wanted { kAuto, kCpu, kCuda };
  Wanted wanted = Wanted::kAuto;
  // Of the CPU's products in training. A processor without bf16 instructions refuses kBf16.
  model::cpu::Precision precision = model::cpu::Precision::kFp32;
  model::cuda::CudaOptions cuda;
  bool in_slurm = false;  // which may show each rank its own GPU alone
  // For tests: this table instead of the plug-in's, whose devices have no gang.
  const model::cuda::DeviceTable* table = nullptr;
};

// Which of the GPUs that a rank sees it takes. kInvalid: there is not one for each rank here; one
// alone is each rank's own only where a scheduler shows it no other.
struct RankPlace {
  uint32_t local_rank = 0;
  uint32_t ranks_here = 1;
  bool in_slurm = false;
};
Result<uint32_t> DeviceOf(uint32_t devices, const RankPlace& place);

// One training, on whatever computes; model/cuda/train.h tells each method.
class Session {
 public:
  virtual ~Session() = default;
  virtual Status LoadParameters(std::span<const float> parameters) = 0;
  virtual Result<model::cpu::StepResult> Step(std::span<const uint32_t> inputs,
                                              std::span<const uint32_t> targets) = 0;
  virtual Status GatherParameters(std::span<float> flat) = 0;
  virtual Status SaveOptimizer(const std::filesystem::path& path) = 0;
  virtual Result<model::cpu::OptimizerState> LoadOptimizer(const std::filesystem::path& path) = 0;
  // The CPU's, for private steps; null on a GPU.
  virtual model::cpu::TrainSession* OnCpu() = 0;
};

class Engine {
 public:
  // `local_rank` of `ranks_here` on this machine: each takes a GPU of its own. Where a GPU was
  // demanded and a rank has none, the engine refuses every task with the reason, so that whoever
  // asks reads it. kUnavailable: the GPUs of the gang did not meet.
  static Result<std::unique_ptr<Engine>> Choose(const EngineOptions& options,
                                                model::collective::Collective& gang,
                                                uint32_t local_rank, uint32_t ranks_here);
  // The CPU's engine.
  Engine() = default;

  // "cpu", "cpu in bf16", or "cuda (NVIDIA H200, 139 GiB free of 140)"; and why not a GPU, where
  // one was looked for.
  const std::string& text() const { return text_; }
  bool uses_gpu() const { return device_ != nullptr; }
  bool uses_muon() const { return options_.cuda.uses_muon; }
  // A GPU, whatever used it, or the gang of GPUs has failed: this process can only end.
  bool is_lost() const { return is_lost_ || (uses_gpu() && device_->has_failed()); }

  // Whether it can train at all, as far as is known before a round is joined. kFailedPrecondition:
  // with these options it cannot, and why.
  struct Wish {
    const model::LlamaConfig* config = nullptr;  // null: not known yet
    bool is_private = false;                     // DP-SGD
    uint32_t zero = 0;
    uint32_t world = 1;
  };
  Status CheckWish(const Wish& wish) const;

  // Errors of CheckWish; kExhausted: this machine has no such memory for each rank on it. To be
  // asked by every rank before any of them takes its own; a GPU's is planned and taken at once, by
  // Train.
  Status CheckRoom(const model::LlamaConfig& config, const model::cpu::TrainOptions& options,
                   uint32_t world, uint32_t ranks_here) const;

  // Errors of CheckWish and of the engine's Create; kExhausted: a GPU's memory, before anything is
  // computed.
  Result<std::unique_ptr<Session>> Train(const model::LlamaConfig& config,
                                         const model::cpu::TrainOptions& options,
                                         model::collective::Collective& gang);

  // Null where the CPU evaluates or generates: there is no GPU, or not for this model.
  Result<std::unique_ptr<model::cuda::Evaluator>> Evaluate(
      const model::LlamaConfig& config, const model::cpu::EvaluateOptions& options,
      std::span<const float> parameters);
  Result<std::unique_ptr<model::cuda::Generator>> Generate(const model::LlamaConfig& config,
                                                           std::span<const float> parameters);

 private:
  class CpuSession;
  class GpuSession;

  bool TrainsOnGpu(const Wish& wish) const;
  // What was found on this rank: a device, or why there is none.
  Status OpenCpu();
  Status Open(const EngineOptions& options, uint32_t local_rank, uint32_t ranks_here);

  EngineOptions options_;
  std::unique_ptr<model::cuda::Device> device_;
  std::unique_ptr<model::cuda::DeviceGang> devices_;
  std::string text_ = "cpu";
  bool is_lost_ = false;
  Status usable_;  // why not, where something was demanded that is not here
};

}  // namespace dure::trainer
