#include "model/cuda/train.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "model/cpu/optimizer_file.h"
#include "model/cpu/tokens.h"
#include "model/cpu/train_state.h"
#include "model/cuda/decoder.h"
#include "model/cuda/muon.h"
#include "model/layout.h"

namespace dure::model::cuda {
namespace {

Status Refuse(const std::string& why) { return Fail(ErrorCode::kInvalid, "training: " + why); }

PassShape ShapeOf(const cpu::TrainOptions& o, const CudaOptions& cuda, uint32_t world) {
  return {.batch = (o.batch + world - 1) / world,
          .sequence = o.sequence,
          .passes = o.accumulation,
          .trains = true,
          .recompute = cuda.recompute,
          .same_bits = cuda.same_bits};
}

template <typename T>
uint64_t PlannedBytesOf(const LlamaConfig& config, const cpu::TrainOptions& options,
                        const CudaOptions& cuda, uint32_t world) {
  uint64_t most = 0;
  for (uint32_t rank = 0; rank < world; ++rank) {
    DevicePlan plan;
    if (cuda.uses_muon) (void)PlanMuon<T>(MuonMatrices(LlamaLayout(config)), plan);
    ModelMemory<T>::Plan(config, {rank, world, world == 1 ? 0 : options.zero}, plan);
    Decoder<T>::Plan(config, ShapeOf(options, cuda, world), plan);
    most = std::max(most, plan.bytes());
  }
  return most;
}

template <typename T>
class Session final : public TrainSession {
 public:
  Session(Device& device, const LlamaConfig& config, const cpu::TrainOptions& options,
          const CudaOptions& cuda, const Ranks& gang, DeviceArena arena, DevicePlan plan)
      : device_(device),
        config_(config),
        options_(options),
        cuda_(cuda),
        gang_(gang),
        layout_(LlamaLayout(config)),
        decay_ranges_(cpu::DecayRanges(layout_)),
        arena_(std::move(arena)),
        matrices_(cuda.uses_muon ? MuonMatrices(layout_) : std::vector<TensorSpec>()),
        muon_(cuda.uses_muon ? PlanMuon<T>(matrices_, plan) : MuonBuffers<T>{}),
        memory_(device, config, gang, options.zero, plan),
        decoder_(device, config, ShapeOf(options, cuda, gang.ranks.world()), plan) {
    // Ranks that each compute Muon's update of all matrices must come to the same.
    const bool shares_muon = cuda.uses_muon && gang.ranks.world() > 1;
    if (cuda.same_bits || shares_muon) device.WantSameBits();
    decoder_.Start();
  }

  Status LoadParameters(std::span<const float> parameters) override {
    if (parameters.size() != layout_.parameter_count()) {
      return Refuse("got " + std::to_string(parameters.size()) + " parameters, the model has " +
                    std::to_string(layout_.parameter_count()));
    }
    memory_.Load(parameters, !is_loaded_);
    is_loaded_ = true;
    return device_.Synchronize();
  }

  Result<cpu::StepResult> Step(std::span<const uint32_t> inputs,
                               std::span<const uint32_t> targets) override;
  Status GatherParameters(std::span<float> flat) override {
    if (!flat.empty() && flat.size() != layout_.parameter_count()) {
      return Refuse("there is room for another number of parameters than the model has");
    }
    return memory_.Gather(flat);
  }
  Status SaveOptimizer(const std::filesystem::path& path) override;
  Result<cpu::OptimizerState> LoadOptimizer(const std::filesystem::path& path) override;
  uint64_t step() const override { return step_; }

  Result<std::vector<float>> Gradient() override {
    std::vector<float> gradient(layout_.parameter_count());
    const OwnedOnDevice<T>& all = memory_.owned().front();
    if (all.size != gradient.size()) return Fail(ErrorCode::kInvalid, "a gang has no one gradient");
    DURE_TRY(device_.CopyOut(std::span(gradient), all.gradients));
    return gradient;
  }

 private:
  // Moments on this side, for files.
  struct Moments {
    std::vector<std::vector<float>> m;
    std::vector<std::vector<float>> v;
    cpu::OptimizerPieces Pieces(std::span<const OwnedOnDevice<T>> owned) {
      cpu::OptimizerPieces pieces;
      for (const OwnedOnDevice<T>& one : owned) {
        m.emplace_back(one.size);
        v.emplace_back(one.size);
      }
      for (size_t i = 0; i < owned.size(); ++i) pieces.push_back({owned[i].begin, m[i], v[i]});
      return pieces;
    }
  };

  Result<double> ComputeGradient(std::span<const uint32_t> inputs,
                                 std::span<const uint32_t> targets, uint64_t predicted);
  void Update(double learning_rate, double gradient_norm);
  void UpdateRange(const OwnedOnDevice<T>& owned, const cpu::DecayRange& range,
                   double learning_rate, typename AdamW<T>::Args args);
  void UpdateByMuon(double learning_rate, double gradient_scale);

  cpu::Optimizer optimizer() const {
    return cuda_.uses_muon ? cpu::Optimizer::kMuon : cpu::Optimizer::kAdamW;
  }

  Device& device_;
  const LlamaConfig config_;
  const cpu::TrainOptions options_;
  const CudaOptions cuda_;
  const Ranks gang_;
  const Layout layout_;
  const std::vector<cpu::DecayRange> decay_ranges_;
  const DeviceArena arena_;
  const std::vector<TensorSpec> matrices_;  // that Muon updates
  const MuonBuffers<T> muon_;
  ModelMemory<T> memory_;
  Decoder<T> decoder_;
  uint64_t step_ = 0;
  bool is_loaded_ = false;
};

template <typename T>
Result<cpu::StepResult> Session<T>::Step(std::span<const uint32_t> inputs,
                                         std::span<const uint32_t> targets) {
  if (!is_loaded_) return Fail(ErrorCode::kFailedPrecondition, "training: no parameters loaded");
  const uint64_t tokens = uint64_t{options_.accumulation} * options_.batch * options_.sequence;
  if (inputs.size() != tokens || targets.size() != tokens) {
    return Fail(Refuse("a step takes " + std::to_string(tokens) + " tokens").error());
  }
  DURE_TRY(cpu::CheckTokens(config_, inputs, targets));
  const auto ignored = std::count(targets.begin(), targets.end(), cpu::kIgnoredTarget);
  cpu::StepResult result{.tokens = tokens - static_cast<uint64_t>(ignored)};
  if (result.tokens == 0) return Fail(Refuse("no token of this step has a target").error());
  DURE_ASSIGN(const double loss, ComputeGradient(inputs, targets, result.tokens));
  result.loss = loss / static_cast<double>(result.tokens);
  DURE_ASSIGN(const double squares, memory_.SquaredNorm());
  result.gradient_norm = std::sqrt(squares);
  if (!std::isfinite(result.loss) || !std::isfinite(result.gradient_norm)) {
    return Fail(ErrorCode::kCorrupt,
                "training: loss or gradient is not finite at step " + std::to_string(step_));
  }
  result.learning_rate = cpu::LearningRate(options_.schedule, step_);
  Update(result.learning_rate, result.gradient_norm);
  DURE_TRY(memory_.EndStep());
  result.step = ++step_;
  return result;
}

template <typename T>
Result<double> Session<T>::ComputeGradient(std::span<const uint32_t> inputs,
                                           std::span<const uint32_t> targets, uint64_t predicted) {
  const cpu::Share own = cpu::ShareOf(options_.batch, gang_.ranks.rank(), gang_.ranks.world());
  const size_t batch_tokens = size_t{options_.batch} * options_.sequence;
  const size_t begin = own.begin * options_.sequence;
  const size_t count = own.size() * options_.sequence;
  std::vector<uint32_t> own_inputs;
  std::vector<uint32_t> own_targets;
  for (size_t at = begin; at < inputs.size(); at += batch_tokens) {
    const auto in = inputs.subspan(at, count);
    const auto out = targets.subspan(at, count);
    own_inputs.insert(own_inputs.end(), in.begin(), in.end());
    own_targets.insert(own_targets.end(), out.begin(), out.end());
  }
  decoder_.SetTokens(own_inputs, own_targets, options_.accumulation);
  memory_.BeginStep();
  const auto scale = static_cast<float>(1.0 / static_cast<double>(predicted));
  for (uint32_t pass = 0; pass < options_.accumulation; ++pass) {
    memory_.BeginPass(pass + 1 == options_.accumulation);
    decoder_.LossAndGradient(pass, memory_.weights(), scale, memory_.gradients(), memory_.hooks());
    DURE_TRY(memory_.EndPass());
  }
  DURE_ASSIGN(const double loss, decoder_.SumOfLosses());
  return gang_.ranks.Sum(loss);
}

template <typename T>
void Session<T>::Update(double learning_rate, double gradient_norm) {
  const bool clips = options_.clip_norm > 0 && gradient_norm > options_.clip_norm;
  const double t = static_cast<double>(step_ + 1);
  typename AdamW<T>::Args args{};
  args.beta1 = static_cast<float>(options_.beta1);
  args.beta2 = static_cast<float>(options_.beta2);
  args.gradient_scale = clips ? static_cast<float>(options_.clip_norm / gradient_norm) : 1.0F;
  args.step_size = static_cast<float>(learning_rate / (1.0 - std::pow(options_.beta1, t)));
  args.inverse_root_bias = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(options_.beta2, t)));
  args.epsilon = static_cast<float>(options_.epsilon);
  args.by_chance = cuda_.rounds_by_chance;
  args.seed = cuda_.chance_seed + step_ * 0x9e3779b97f4a7c15ULL;
  if (cuda_.uses_muon) UpdateByMuon(learning_rate, static_cast<double>(args.gradient_scale));
  // Between Muon's matrices, and to the end.
  uint64_t begin = 0;
  std::vector<cpu::DecayRange> rest;
  const auto add_until = [&](uint64_t end) {
    for (const cpu::DecayRange& range : decay_ranges_) {
      const uint64_t from = std::max<uint64_t>(range.begin, begin);
      const uint64_t to = std::min<uint64_t>(range.end, end);
      if (from < to) rest.push_back({from, to, range.decays});
    }
  };
  for (const TensorSpec& matrix : matrices_) {
    add_until(matrix.offset);
    begin = matrix.offset + matrix.size;
  }
  add_until(layout_.parameter_count());
  for (const OwnedOnDevice<T>& owned : memory_.owned()) {
    for (const cpu::DecayRange& range : rest) UpdateRange(owned, range, learning_rate, args);
  }
}

template <typename T>
void Session<T>::UpdateRange(const OwnedOnDevice<T>& owned, const cpu::DecayRange& range,
                             double learning_rate, typename AdamW<T>::Args args) {
  const uint64_t begin = std::max<uint64_t>(range.begin, owned.begin);
  const uint64_t end = std::min<uint64_t>(range.end, owned.begin + owned.size);
  if (begin >= end) return;
  const uint64_t at = begin - owned.begin;
  const double decay = range.decays ? options_.weight_decay : 0.0;
  args.parameters = owned.masters + at;
  args.gradients = owned.gradients + at;
  args.m = owned.m + at;
  args.v = owned.v + at;
  args.weights = owned.weights + at;
  args.count = end - begin;
  args.first = begin;
  args.keep = static_cast<float>(1.0 - learning_rate * decay);
  device_.template Launch<AdamW<T>>(args);
}

template <typename T>
void Session<T>::UpdateByMuon(double learning_rate, double gradient_scale) {
  const OwnedOnDevice<T>& all = memory_.owned().front();  // nothing is split
  for (const TensorSpec& matrix : matrices_) {
    MuonUpdate<T>(device_, muon_, matrix, {learning_rate, options_.weight_decay, gradient_scale},
                  {all.masters + matrix.offset, all.gradients + matrix.offset,
                   all.m + matrix.offset, all.weights + matrix.offset});
  }
}

template <typename T>
Status Session<T>::SaveOptimizer(const std::filesystem::path& path) {
  Moments moments;
  const cpu::OptimizerPieces pieces = moments.Pieces(memory_.owned());
  for (size_t i = 0; i < pieces.size(); ++i) {
    DURE_TRY(device_.CopyOut(pieces[i].m, memory_.owned()[i].m));
    DURE_TRY(device_.CopyOut(pieces[i].v, memory_.owned()[i].v));
  }
  const cpu::OptimizerFile file{.config = ConfigDigest(config_),
                                .step = step_,
                                .count = layout_.parameter_count(),
                                .rank = gang_.ranks.rank(),
                                .world = gang_.ranks.world(),
                                .optimizer = optimizer()};
  // Without sharding every rank has the same: the first one's is enough.
  if (options_.zero > 0 || file.world == 1) return cpu::WriteOptimizer(path, file, pieces);
  if (file.rank > 0) return {};
  return cpu::WriteOptimizer(path, {file.config, file.step, file.count, 0, 1, file.optimizer},
                             pieces);
}

template <typename T>
Result<cpu::OptimizerState> Session<T>::LoadOptimizer(const std::filesystem::path& path) {
  Moments moments;
  const cpu::OptimizerPieces pieces = moments.Pieces(memory_.owned());
  const cpu::OptimizerOwner owner{ConfigDigest(config_), layout_.parameter_count(), optimizer()};
  DURE_ASSIGN(const cpu::OptimizerState state, cpu::ReadOptimizer(path, owner, pieces));
  step_ = state.step;
  for (size_t i = 0; i < pieces.size(); ++i) {
    device_.CopyIn(memory_.owned()[i].m, std::span<const float>(pieces[i].m));
    device_.CopyIn(memory_.owned()[i].v, std::span<const float>(pieces[i].v));
  }
  DURE_TRY(device_.Synchronize());
  return state;
}

Status Validate(const LlamaConfig& config, const cpu::TrainOptions& options) {
  DURE_TRY(cpu::Validate(options, config));
  DURE_TRY(CheckModel(config));
  if (options.record_clip > 0) return Refuse("DP-SGD is computed on the CPU only");
  return {};
}

template <typename T>
Result<std::unique_ptr<TrainSession>> Make(Device& device, const LlamaConfig& config,
                                           const cpu::TrainOptions& options,
                                           const CudaOptions& cuda, const Ranks& gang) {
  if (cuda.uses_muon && gang.ranks.world() > 1 && options.zero > 0) {
    return Fail(Refuse("Muon takes whole matrices, which ranks share only with --zero 0").error());
  }
  DURE_TRY(CheckBatch(config, ShapeOf(options, cuda, gang.ranks.world()).batch));
  const uint64_t planned = PlannedBytesOf<T>(config, options, cuda, gang.ranks.world());
  DURE_ASSIGN(const DeviceFacts facts, device.Facts());
  if (planned > facts.memory_free_bytes) {
    return Fail(ErrorCode::kExhausted,
                "this training needs " + std::to_string(planned >> 20) +
                    " MiB of memory on each GPU, " + facts.name + " has " +
                    std::to_string(facts.memory_free_bytes >> 20) +
                    " free; a smaller --batch, --recompute layers, more ranks with --zero 2 or 3, "
                    "or another GPU would help (dure plan --memory)");
  }
  DURE_ASSIGN(DeviceArena arena, DeviceArena::Create(device, planned));
  const DevicePlan plan(arena);
  return std::make_unique<Session<T>>(device, config, options, cuda, gang, std::move(arena), plan);
}

}  // namespace

uint64_t TrainSession::PlannedBytes(const LlamaConfig& config, const cpu::TrainOptions& options,
                                    const CudaOptions& cuda, uint32_t world) {
  return cuda.numbers == NumberType::kBf16 ? PlannedBytesOf<Bf16>(config, options, cuda, world)
                                           : PlannedBytesOf<float>(config, options, cuda, world);
}

Result<std::unique_ptr<TrainSession>> TrainSession::Create(Device& device,
                                                           const LlamaConfig& config,
                                                           const cpu::TrainOptions& options,
                                                           const CudaOptions& cuda,
                                                           const Ranks& gang) {
  DURE_TRY(Validate(config, options));
  return cuda.numbers == NumberType::kBf16 ? Make<Bf16>(device, config, options, cuda, gang)
                                           : Make<float>(device, config, options, cuda, gang);
}

}  // namespace dure::model::cuda
