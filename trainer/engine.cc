#include "trainer/engine.h"

#include <cstdlib>

#include "model/cuda/decoder.h"
#include "model/cuda/plugin.h"
#include "trainer/gang.h"
#include "trainer/memory.h"

namespace dure::trainer {
namespace {

namespace cpu = model::cpu;
namespace cuda = model::cuda;
using model::collective::Collective;

// GPUs of a gang over hosts take their time to find each other.
constexpr std::chrono::minutes kMeetingPatience{3};

}  // namespace

class Engine::CpuSession final : public Session {
 public:
  explicit CpuSession(std::unique_ptr<cpu::TrainSession> session) : session_(std::move(session)) {}

  Status LoadParameters(std::span<const float> parameters) override {
    return session_->LoadParameters(parameters);
  }
  Result<cpu::StepResult> Step(std::span<const uint32_t> inputs,
                               std::span<const uint32_t> targets) override {
    return session_->Step(inputs, targets);
  }
  Status GatherParameters(std::span<float> flat) override {
    return session_->GatherParameters(flat);
  }
  Status SaveOptimizer(const std::filesystem::path& path) override {
    return session_->SaveOptimizer(path);
  }
  Status LoadOptimizer(const std::filesystem::path& path) override {
    return session_->LoadOptimizer(path);
  }
  cpu::TrainSession* OnCpu() override { return session_.get(); }

 private:
  const std::unique_ptr<cpu::TrainSession> session_;
};

class Engine::GpuSession final : public Session {
 public:
  GpuSession(std::unique_ptr<cuda::TrainSession> session, bool* is_lost)
      : session_(std::move(session)), is_lost_(*is_lost) {}

  Status LoadParameters(std::span<const float> parameters) override {
    return Watch(session_->LoadParameters(parameters));
  }
  Result<cpu::StepResult> Step(std::span<const uint32_t> inputs,
                               std::span<const uint32_t> targets) override {
    auto result = session_->Step(inputs, targets);
    if (!result) return Fail(Watch(Fail(result.error())).error());
    return result;
  }
  Status GatherParameters(std::span<float> flat) override {
    return Watch(session_->GatherParameters(flat));
  }
  Status SaveOptimizer(const std::filesystem::path& path) override {
    return session_->SaveOptimizer(path);
  }
  Status LoadOptimizer(const std::filesystem::path& path) override {
    return session_->LoadOptimizer(path);
  }
  cpu::TrainSession* OnCpu() override { return nullptr; }

 private:
  Status Watch(Status status) {
    if (!status && status.error().code == ErrorCode::kUnavailable) is_lost_ = true;
    return status;
  }

  const std::unique_ptr<cuda::TrainSession> session_;
  bool& is_lost_;
};

Status Engine::Open(const EngineOptions& options, uint32_t local_rank, uint32_t ranks_here) {
  const cuda::DeviceTable* table = options.table;
  uint32_t index = 0;
  if (table == nullptr) {
    const cuda::CudaState state = cuda::LookForCuda();
    if (state.devices == 0) return Fail(ErrorCode::kUnavailable, state.trouble);
    table = state.table;
    // A scheduler that gives each rank its own GPU shows it that one alone.
    if (state.devices > 1) index = local_rank;
    if (state.devices > 1 && ranks_here > state.devices) {
      return Fail(ErrorCode::kInvalid, std::to_string(ranks_here) + " ranks share " +
                                           std::to_string(state.devices) +
                                           " GPUs here, and each needs its own");
    }
  }
  DURE_ASSIGN(device_, cuda::Device::Open(*table, index));
  DURE_TRY(device_->WarmUp());
  text_ = "cuda (" + device_->Text() + "; attention by " + device_->attention_text() + ")";
  return {};
}

Status Engine::OpenCpu() {
  if (options_.precision == cpu::Precision::kFp32) return {};
  if (!cpu::HasBf16Instructions()) {
    return Fail(ErrorCode::kFailedPrecondition,
                "--precision bf16, and this processor has neither AVX512-BF16 nor AMX: it would "
                "be slower than --precision fp32");
  }
  text_.insert(3, " in bf16");
  return {};
}

Result<std::unique_ptr<Engine>> Engine::Choose(const EngineOptions& options, Collective& gang,
                                               uint32_t local_rank, uint32_t ranks_here) {
  auto engine = std::make_unique<Engine>();
  engine->options_ = options;
  if (options.wanted == EngineOptions::Wanted::kCpu) {
    engine->usable_ = Agree(gang, engine->OpenCpu());
    return engine;
  }
  // All or none: ranks that compute differently would not give the same model.
  const Status all = Agree(gang, engine->Open(options, local_rank, ranks_here));
  if (!all) {
    engine->device_.reset();
    const bool demands = options.wanted == EngineOptions::Wanted::kCuda;
    engine->text_ = (demands ? "none (" : "cpu (") + all.error().message + ")";
    if (demands) {
      engine->usable_ = Fail(ErrorCode::kFailedPrecondition,
                             "--device cuda, and there is none to use: " + all.error().message);
    } else {
      engine->usable_ = Agree(gang, engine->OpenCpu());
    }
    return engine;
  }
  if (gang.world() == 1) return engine;
  // Connections are made now, since none can be made once confined.
  setenv("NCCL_RUNTIME_CONNECT", "0", 1);
  auto devices = cuda::JoinNccl(*engine->device_, gang, kMeetingPatience);
  DURE_TRY(Agree(gang, devices ? Status{} : Fail(devices.error())));
  engine->devices_ = std::move(*devices);
  return engine;
}

Result<std::unique_ptr<Session>> Engine::Train(const model::LlamaConfig& config,
                                               const cpu::TrainOptions& options, Collective& gang,
                                               uint32_t ranks_here) {
  DURE_TRY(usable_);
  const bool is_private = options.record_clip > 0;
  const bool demands = options_.wanted == EngineOptions::Wanted::kCuda;
  if (uses_gpu() && !is_private && (demands || cuda::CheckModel(config))) {
    DURE_ASSIGN(auto session, cuda::TrainSession::Create(*device_, config, options, options_.cuda,
                                                         {gang, devices_.get()}));
    return std::make_unique<GpuSession>(std::move(session), &is_lost_);
  }
  if (options_.cuda.uses_muon) {
    return Fail(ErrorCode::kInvalid, "Muon trains on GPUs only, and here it is " + text_ +
                                         (is_private ? ", since DP-SGD is asked for" : ""));
  }
  cpu::TrainOptions own = options;
  own.precision = options_.precision;
  DURE_TRY(Validate(own, config));
  DURE_TRY(CheckMemory(cpu::TrainSession::PlannedBytes(config, own, gang.world()), ranks_here));
  DURE_ASSIGN(auto session, cpu::TrainSession::Create(config, own, gang));
  return std::make_unique<CpuSession>(std::move(session));
}

Result<std::unique_ptr<cuda::Evaluator>> Engine::Evaluate(const model::LlamaConfig& config,
                                                          const cpu::EvaluateOptions& options,
                                                          std::span<const float> parameters) {
  DURE_TRY(usable_);
  if (!uses_gpu() || !cuda::CheckModel(config)) return std::unique_ptr<cuda::Evaluator>();
  return cuda::Evaluator::Create(*device_, config, options, options_.cuda.numbers, parameters);
}

Result<std::unique_ptr<cuda::Generator>> Engine::Generate(const model::LlamaConfig& config,
                                                          std::span<const float> parameters) {
  DURE_TRY(usable_);
  if (!uses_gpu() || !cuda::CheckModel(config)) return std::unique_ptr<cuda::Generator>();
  return cuda::Generator::Create(*device_, config, options_.cuda.numbers, parameters);
}

}  // namespace dure::trainer
