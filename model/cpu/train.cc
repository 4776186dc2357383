#include "model/cpu/train.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "federation/check.h"
#include "model/cpu/adamw.h"
#include "model/cpu/optimizer_file.h"
#include "model/cpu/tokens.h"
#include "model/cpu/train_state.h"

namespace dure::model::cpu {
namespace {

using collective::Collective;

Status Refuse(const std::string& why) { return Fail(ErrorCode::kInvalid, "training: " + why); }

Status InRange(const char* field, uint64_t value, uint64_t least, uint64_t most) {
  if (value >= least && value <= most) return {};
  return Refuse(std::string(field) + " is " + std::to_string(value) + ", must be " +
                std::to_string(least) + " to " + std::to_string(most));
}

// The sequences of each batch that a rank computes: as many as any other, or one less.
Share SequencesOf(const TrainOptions& o, uint32_t rank, uint32_t world) {
  return ShareOf(o.batch, rank, world);
}

}  // namespace

BatchShape ShapeOf(const TrainOptions& o, uint32_t world) {
  // One sequence's gradient at a time, if each is cut by itself.
  const uint32_t most = o.record_clip > 0 ? 1 : (o.batch + world - 1) / world;
  return {.batch = most,
          .sequence = o.sequence,
          .threads = o.threads,
          .trains = true,
          .precision = o.precision};
}

std::vector<DecayRange> DecayRanges(const Layout& layout) {
  std::vector<DecayRange> ranges;
  for (const TensorSpec& tensor : layout.tensors()) {
    const bool decays = tensor.shape.size() > 1 && tensor.name != "model.embed_tokens.weight";
    if (!ranges.empty() && ranges.back().decays == decays) {
      ranges.back().end = tensor.offset + tensor.size;
    } else {
      ranges.push_back({tensor.offset, tensor.offset + tensor.size, decays});
    }
  }
  return ranges;
}

Status Validate(const TrainOptions& o, const LlamaConfig& config) {
  DURE_TRY(Validate(config));
  DURE_TRY(Validate(o.schedule));
  if (!(o.beta1 >= 0.0 && o.beta1 < 1.0)) return Refuse("beta1 must be in [0, 1)");
  if (!(o.beta2 >= 0.0 && o.beta2 < 1.0)) return Refuse("beta2 must be in [0, 1)");
  if (!(o.epsilon > 0.0 && o.epsilon <= 1.0)) return Refuse("epsilon must be in (0, 1]");
  if (!(o.weight_decay >= 0.0 && o.weight_decay <= 1e3))
    return Refuse("weight_decay must be 0 to 1000");
  if (!(o.clip_norm >= 0.0 && o.clip_norm <= 1e6)) return Refuse("clip_norm must be 0 to 1e6");
  if (!(o.record_clip >= 0.0 && o.record_clip <= 1e6))
    return Refuse("record_clip must be 0 to 1e6");
  if (!(o.record_noise >= 0.0 && o.record_noise <= 1e6)) {
    return Refuse("record_noise must be 0 to 1e6");
  }
  DURE_TRY(InRange("batch", o.batch, 1, 1 << 20));
  DURE_TRY(InRange("sequence", o.sequence, 1, config.context));
  DURE_TRY(InRange("accumulation", o.accumulation, 1, 1 << 16));
  DURE_TRY(InRange("threads", o.threads, 1, kWorkersMax));
  DURE_TRY(InRange("zero", o.zero, 0, kZeroStageMax));
  return InRange("batch * sequence", uint64_t{o.batch} * o.sequence, 1, uint64_t{1} << 31);
}

uint64_t TrainSession::PlannedBytes(const LlamaConfig& config, const TrainOptions& options,
                                    uint32_t world) {
  size_t most = 0;
  for (uint32_t rank = 0; rank < world; ++rank) {
    MemoryPlan plan;
    ModelMemory::Plan(config, {rank, world, world == 1 ? 0 : options.zero}, plan);
    PlanActivations(config, ShapeOf(options, world), plan);
    most = std::max(most, plan.bytes());
  }
  return most;
}

Result<std::unique_ptr<TrainSession>> TrainSession::Create(const LlamaConfig& config,
                                                           const TrainOptions& options) {
  auto alone = collective::MakeSingle();
  DURE_ASSIGN(auto session, Create(config, options, *alone));
  session->state_->own_gang = std::move(alone);
  return session;
}

Result<std::unique_ptr<TrainSession>> TrainSession::Create(const LlamaConfig& config,
                                                           const TrainOptions& options,
                                                           Collective& gang) {
  DURE_TRY(Validate(options, config));
  DURE_ASSIGN(Arena arena, Arena::Create(PlannedBytes(config, options, gang.world())));
  const MemoryPlan plan(arena);
  auto state = std::make_unique<State>(config, options, gang, std::move(arena), plan);
  return std::unique_ptr<TrainSession>(new TrainSession(std::move(state)));
}

TrainSession::TrainSession(std::unique_ptr<State> state) : state_(std::move(state)) {}
TrainSession::~TrainSession() = default;

Status TrainSession::LoadParameters(std::span<const float> parameters) {
  if (parameters.size() != state_->layout.parameter_count()) {
    return Refuse("got " + std::to_string(parameters.size()) + " parameters, the model has " +
                  std::to_string(state_->layout.parameter_count()));
  }
  state_->memory.Load(parameters);
  state_->is_loaded = true;
  return {};
}

std::span<const float> TrainSession::parameters() const { return state_->memory.parameters(); }

Status TrainSession::GatherParameters(std::span<float> flat) {
  if (!flat.empty() && flat.size() != state_->layout.parameter_count()) {
    return Refuse("the model has " + std::to_string(state_->layout.parameter_count()) +
                  " parameters, there is room for " + std::to_string(flat.size()));
  }
  return state_->memory.Gather(flat);
}

std::span<const float> TrainSession::gradient() const {
  const std::span<const Owned> owned = state_->memory.owned();
  DURE_CHECK(owned.size() == 1, "the gradient of a gang of one");
  return {owned.front().gradients, owned.front().size};
}

uint64_t TrainSession::step() const { return state_->step; }

Result<StepResult> TrainSession::Step(std::span<const uint32_t> inputs,
                                      std::span<const uint32_t> targets) {
  State& s = *state_;
  const TrainOptions& o = s.options;
  if (!s.is_loaded) return Fail(ErrorCode::kFailedPrecondition, "training: no parameters loaded");
  if (o.record_clip > 0) {
    return Fail(Refuse("this session cuts each sequence: its steps are private").error());
  }
  const uint64_t tokens = uint64_t{o.accumulation} * o.batch * o.sequence;
  if (inputs.size() != tokens || targets.size() != tokens) {
    return Fail(Refuse("a step takes " + std::to_string(tokens) + " tokens").error());
  }
  DURE_TRY(CheckTokens(s.config, inputs, targets));
  const auto ignored = std::count(targets.begin(), targets.end(), kIgnoredTarget);
  StepResult result{.tokens = tokens - static_cast<uint64_t>(ignored)};
  if (result.tokens == 0) return Fail(Refuse("no token of this step has a target").error());
  DURE_ASSIGN(const double loss, s.ComputeGradient(inputs, targets, result.tokens));
  result.loss = loss / static_cast<double>(result.tokens);
  DURE_ASSIGN(const double squares, s.memory.SquaredNorm(s.workers));
  result.gradient_norm = std::sqrt(squares);
  if (!std::isfinite(result.loss) || !std::isfinite(result.gradient_norm)) {
    return Fail(ErrorCode::kCorrupt,
                "training: loss or gradient is not finite at step " + std::to_string(s.step));
  }
  result.learning_rate = LearningRate(o.schedule, s.step);
  s.Update(result.learning_rate, result.gradient_norm);
  DURE_TRY(s.memory.EndStep());
  result.step = ++s.step;
  return result;
}

Result<double> TrainSession::State::ComputeGradient(std::span<const uint32_t> inputs,
                                                    std::span<const uint32_t> targets,
                                                    uint64_t predicted) {
  memory.BeginStep(workers);
  const size_t batch_tokens = size_t{options.batch} * options.sequence;
  const float scale = static_cast<float>(1.0 / static_cast<double>(predicted));
  const Share own = SequencesOf(options, gang.rank(), gang.world());
  double loss = 0;
  for (size_t at = 0; at < inputs.size(); at += batch_tokens) {
    const size_t begin = at + own.begin * options.sequence;
    const size_t count = own.size() * options.sequence;
    const TokenBatch batch{inputs.subspan(begin, count), targets.subspan(begin, count)};
    memory.BeginPass(at + batch_tokens == inputs.size());
    loss += transformer.LossAndGradient(workers, memory.weights(), batch, scale, memory.gradients(),
                                        memory.hooks());
    DURE_TRY(memory.EndPass());
  }
  return gang.Sum(loss);
}

void TrainSession::State::Update(double learning_rate, double gradient_norm) {
  const bool clips = options.clip_norm > 0 && gradient_norm > options.clip_norm;
  AdamW adamw{.learning_rate = learning_rate,
              .beta1 = options.beta1,
              .beta2 = options.beta2,
              .epsilon = options.epsilon,
              .weight_decay = 0.0,
              .gradient_scale = clips ? options.clip_norm / gradient_norm : 1.0,
              .step = step + 1};
  workers.Run([&](uint32_t worker) {
    AdamW mine = adamw;
    for (const Owned& owned : memory.owned()) {
      const Share share = ShareOf(owned.size, worker, workers.size(), kShareUnit);
      for (const DecayRange& range : decay_ranges) {
        const size_t begin = std::max(range.begin, owned.begin + share.begin);
        const size_t end = std::min(range.end, owned.begin + share.end);
        if (begin >= end) continue;
        mine.weight_decay = range.decays ? options.weight_decay : 0.0;
        const size_t at = begin - owned.begin;
        AdamWUpdate(mine, end - begin,
                    {owned.parameters + at, owned.gradients + at, owned.m + at, owned.v + at});
      }
    }
  });
}

OptimizerPieces TrainSession::State::Pieces() {
  OptimizerPieces pieces;
  for (const Owned& owned : memory.owned()) {
    pieces.push_back({owned.begin, {owned.m, owned.size}, {owned.v, owned.size}});
  }
  return pieces;
}

Status TrainSession::SaveOptimizer(const std::filesystem::path& path) const {
  State& s = *state_;
  const OptimizerFile file{.config = ConfigDigest(s.config),
                           .step = s.step,
                           .count = s.layout.parameter_count(),
                           .rank = s.gang.rank(),
                           .world = s.gang.world()};
  // Without sharding every rank has the same: the first one's is enough.
  if (s.options.zero > 0 || s.gang.world() == 1) return WriteOptimizer(path, file, s.Pieces());
  return s.gang.rank() > 0
             ? Status{}
             : WriteOptimizer(path, {file.config, file.step, file.count, 0, 1}, s.Pieces());
}

Result<OptimizerState> TrainSession::LoadOptimizer(const std::filesystem::path& path) {
  State& s = *state_;
  const OptimizerOwner owner{ConfigDigest(s.config), s.layout.parameter_count()};
  DURE_ASSIGN(const OptimizerState state, ReadOptimizer(path, owner, s.Pieces()));
  s.step = state.step;
  return state;
}

}  // namespace dure::model::cpu
