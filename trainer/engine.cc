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
  Result<cpu::OptimizerState> LoadOptimizer(const std::filesystem::path& path) override {
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
    return Watch(session_->SaveOptimizer(path));
  }
  Result<cpu::OptimizerState> LoadOptimizer(const std::filesystem::path& path) override {
    auto state = session_->LoadOptimizer(path);
    if (!state) return Fail(Watch(Fail(state.error())).error());
    return state;
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

Result<uint32_t> DeviceOf(uint32_t devices, const RankPlace& place) {
  if (devices == 1 && place.in_slurm) return 0;
  if (place.ranks_here <= devices) return place.local_rank;
  return Fail(ErrorCode::kInvalid, std::to_string(place.ranks_here) + " ranks share " +
                                       std::to_string(devices) + (devices == 1 ? " GPU" : " GPUs") +
                                       " here, and each needs its own");
}

Status Engine::Open(const EngineOptions& options, uint32_t local_rank, uint32_t ranks_here) {
  const cuda::DeviceTable* table = options.table;
  uint32_t index = 0;
  if (table == nullptr) {
    const cuda::CudaState state = cuda::LookForCuda();
    if (state.devices == 0) return Fail(ErrorCode::kUnavailable, state.trouble);
    table = state.table;
    DURE_ASSIGN(index, DeviceOf(state.devices, {local_rank, ranks_here, options.in_slurm}));
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

bool Engine::TrainsOnGpu(const Wish& wish) const {
  const bool demands = options_.wanted == EngineOptions::Wanted::kCuda;
  const bool may = demands || wish.config == nullptr || cuda::CheckModel(*wish.config);
  return uses_gpu() && !wish.is_private && may;
}

Status Engine::CheckWish(const Wish& wish) const {
  DURE_TRY(usable_);
  const auto refuse = [](const std::string& why) {
    return Fail(ErrorCode::kFailedPrecondition, why);
  };
  if (wish.is_private && wish.world > 1) {
    return refuse("DP-SGD trains in one process, and this site has several");
  }
  if (TrainsOnGpu(wish)) {
    const Status fits = wish.config == nullptr ? Status{} : cuda::CheckModel(*wish.config);
    if (!fits) return refuse("--device cuda, and its engine cannot: " + fits.error().message);
    if (!options_.cuda.uses_muon || wish.world == 1 || wish.zero == 0) return {};
    return refuse("Muon takes whole matrices, which ranks share only with --zero 0");
  }
  if (!options_.cuda.uses_muon) return {};
  return refuse("Muon trains on GPUs only, and here it is " + text_ +
                (wish.is_private ? ", since DP-SGD is asked for" : ""));
}

Status Engine::CheckRoom(const model::LlamaConfig& config, const cpu::TrainOptions& options,
                         uint32_t world, uint32_t ranks_here) const {
  const Wish wish{&config, options.record_clip > 0, options.zero, world};
  DURE_TRY(CheckWish(wish));
  if (TrainsOnGpu(wish)) return {};
  cpu::TrainOptions own = options;
  own.precision = options_.precision;
  DURE_TRY(Validate(own, config));
  return CheckMemory(cpu::TrainSession::PlannedBytes(config, own, world), ranks_here);
}

Result<std::unique_ptr<Session>> Engine::Train(const model::LlamaConfig& config,
                                               const cpu::TrainOptions& options, Collective& gang) {
  const Wish wish{&config, options.record_clip > 0, options.zero, gang.world()};
  DURE_TRY(CheckWish(wish));
  if (TrainsOnGpu(wish)) {
    DURE_ASSIGN(auto session, cuda::TrainSession::Create(*device_, config, options, options_.cuda,
                                                         {gang, devices_.get()}));
    return std::make_unique<GpuSession>(std::move(session), &is_lost_);
  }
  cpu::TrainOptions own = options;
  own.precision = options_.precision;
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
