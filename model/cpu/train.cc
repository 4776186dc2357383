#include "model/cpu/train.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "model/cpu/adamw.h"
#include "model/cpu/optimizer_file.h"
#include "model/cpu/tokens.h"
#include "model/cpu/transformer.h"
#include "model/layout.h"

namespace dure::model::cpu {
namespace {

// Workers' shares of the flat vector begin at multiples of this, so that no cache line is shared.
constexpr size_t kShareUnit = 1024;

Status Refuse(const std::string& why) { return Fail(ErrorCode::kInvalid, "training: " + why); }

Status InRange(const char* field, uint64_t value, uint64_t least, uint64_t most) {
  if (value >= least && value <= most) return {};
  return Refuse(std::string(field) + " is " + std::to_string(value) + ", must be " +
                std::to_string(least) + " to " + std::to_string(most));
}

BatchShape ShapeOf(const TrainOptions& o) {
  return {.batch = o.batch, .sequence = o.sequence, .threads = o.threads, .trains = true};
}

struct Vectors {
  float* parameters;
  float* gradients;
  float* m;
  float* v;
};

Vectors PlanVectors(uint64_t parameter_count, MemoryPlan& plan) {
  Vectors vectors;
  vectors.parameters = plan.Floats(parameter_count);
  vectors.gradients = plan.Floats(parameter_count);
  vectors.m = plan.Floats(parameter_count);
  vectors.v = plan.Floats(parameter_count);
  return vectors;
}

// The flat vector as ranges that are decayed or not.
struct DecayRange {
  size_t begin;
  size_t end;
  bool decays;
};

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

}  // namespace

Status Validate(const TrainOptions& o, const LlamaConfig& config) {
  DURE_TRY(Validate(config));
  DURE_TRY(Validate(o.schedule));
  if (!(o.beta1 >= 0.0 && o.beta1 < 1.0)) return Refuse("beta1 must be in [0, 1)");
  if (!(o.beta2 >= 0.0 && o.beta2 < 1.0)) return Refuse("beta2 must be in [0, 1)");
  if (!(o.epsilon > 0.0 && o.epsilon <= 1.0)) return Refuse("epsilon must be in (0, 1]");
  if (!(o.weight_decay >= 0.0 && o.weight_decay <= 1e3))
    return Refuse("weight_decay must be 0 to 1000");
  if (!(o.clip_norm >= 0.0 && o.clip_norm <= 1e6)) return Refuse("clip_norm must be 0 to 1e6");
  DURE_TRY(InRange("batch", o.batch, 1, 1 << 20));
  DURE_TRY(InRange("sequence", o.sequence, 1, config.context));
  DURE_TRY(InRange("accumulation", o.accumulation, 1, 1 << 16));
  DURE_TRY(InRange("threads", o.threads, 1, kWorkersMax));
  return InRange("batch * sequence", uint64_t{o.batch} * o.sequence, 1, uint64_t{1} << 31);
}

struct TrainSession::State {
  State(const LlamaConfig& c, const TrainOptions& o, Arena memory, MemoryPlan plan)
      : config(c),
        options(o),
        layout(LlamaLayout(c)),
        decay_ranges(DecayRanges(layout)),
        arena(std::move(memory)),
        vectors(PlanVectors(layout.parameter_count(), plan)),
        transformer(c, ShapeOf(o), plan),
        workers(o.threads) {}

  double ComputeGradient(std::span<const uint32_t> inputs, std::span<const uint32_t> targets,
                         uint64_t predicted);
  double GradientNorm();
  void Update(double learning_rate, double gradient_norm);

  const LlamaConfig config;
  const TrainOptions options;
  const Layout layout;
  const std::vector<DecayRange> decay_ranges;
  const Arena arena;
  const Vectors vectors;
  Transformer transformer;
  Workers workers;
  uint64_t step = 0;
  bool is_loaded = false;
};

uint64_t TrainSession::PlannedBytes(const LlamaConfig& config, const TrainOptions& options) {
  MemoryPlan plan;
  PlanVectors(LlamaLayout(config).parameter_count(), plan);
  PlanActivations(config, ShapeOf(options), plan);
  return plan.bytes();
}

Result<std::unique_ptr<TrainSession>> TrainSession::Create(const LlamaConfig& config,
                                                           const TrainOptions& options) {
  DURE_TRY(Validate(options, config));
  DURE_ASSIGN(Arena arena, Arena::Create(PlannedBytes(config, options)));
  const MemoryPlan plan(arena);
  auto state = std::make_unique<State>(config, options, std::move(arena), plan);
  return std::unique_ptr<TrainSession>(new TrainSession(std::move(state)));
}

TrainSession::TrainSession(std::unique_ptr<State> state) : state_(std::move(state)) {}
TrainSession::~TrainSession() = default;

Status TrainSession::LoadParameters(std::span<const float> parameters) {
  if (parameters.size() != state_->layout.parameter_count()) {
    return Refuse("got " + std::to_string(parameters.size()) + " parameters, the model has " +
                  std::to_string(state_->layout.parameter_count()));
  }
  std::copy(parameters.begin(), parameters.end(), state_->vectors.parameters);
  state_->is_loaded = true;
  return {};
}

std::span<const float> TrainSession::parameters() const {
  return {state_->vectors.parameters, state_->layout.parameter_count()};
}

uint64_t TrainSession::step() const { return state_->step; }

Result<StepResult> TrainSession::Step(std::span<const uint32_t> inputs,
                                      std::span<const uint32_t> targets) {
  State& s = *state_;
  const TrainOptions& o = s.options;
  if (!s.is_loaded) return Fail(ErrorCode::kFailedPrecondition, "training: no parameters loaded");
  const uint64_t tokens = uint64_t{o.accumulation} * o.batch * o.sequence;
  if (inputs.size() != tokens || targets.size() != tokens) {
    return Fail(Refuse("a step takes " + std::to_string(tokens) + " tokens").error());
  }
  DURE_TRY(CheckTokens(s.config, inputs, targets));
  const auto ignored = std::count(targets.begin(), targets.end(), kIgnoredTarget);
  StepResult result{.tokens = tokens - static_cast<uint64_t>(ignored)};
  if (result.tokens == 0) return Fail(Refuse("no token of this step has a target").error());
  result.loss =
      s.ComputeGradient(inputs, targets, result.tokens) / static_cast<double>(result.tokens);
  result.gradient_norm = s.GradientNorm();
  if (!std::isfinite(result.loss) || !std::isfinite(result.gradient_norm)) {
    return Fail(ErrorCode::kCorrupt,
                "training: loss or gradient is not finite at step " + std::to_string(s.step));
  }
  result.learning_rate = LearningRate(o.schedule, s.step);
  s.Update(result.learning_rate, result.gradient_norm);
  result.step = ++s.step;
  return result;
}

double TrainSession::State::ComputeGradient(std::span<const uint32_t> inputs,
                                            std::span<const uint32_t> targets, uint64_t predicted) {
  workers.Run([&](uint32_t worker) {
    const Share share = ShareOf(layout.parameter_count(), worker, workers.size(), kShareUnit);
    std::fill_n(vectors.gradients + share.begin, share.size(), 0.0f);
  });
  const size_t batch_tokens = size_t{options.batch} * options.sequence;
  const float scale = static_cast<float>(1.0 / static_cast<double>(predicted));
  double loss = 0;
  for (size_t at = 0; at < inputs.size(); at += batch_tokens) {
    const TokenBatch batch{inputs.subspan(at, batch_tokens), targets.subspan(at, batch_tokens)};
    loss +=
        transformer.LossAndGradient(workers, vectors.parameters, batch, scale, vectors.gradients);
  }
  return loss;
}

double TrainSession::State::GradientNorm() {
  std::vector<double> sums(workers.size());
  workers.Run([&](uint32_t worker) {
    const Share share = ShareOf(layout.parameter_count(), worker, workers.size(), kShareUnit);
    sums[worker] = SumOfSquares(share.size(), vectors.gradients + share.begin);
  });
  double sum = 0;
  for (const double part : sums) sum += part;
  return std::sqrt(sum);
}

void TrainSession::State::Update(double learning_rate, double gradient_norm) {
  const bool clips = options.clip_norm > 0 && gradient_norm > options.clip_norm;
  workers.Run([&](uint32_t worker) {
    const Share share = ShareOf(layout.parameter_count(), worker, workers.size(), kShareUnit);
    for (const DecayRange& range : decay_ranges) {
      const size_t begin = std::max(range.begin, share.begin);
      const size_t end = std::min(range.end, share.end);
      if (begin >= end) continue;
      AdamWUpdate({.learning_rate = learning_rate,
                   .beta1 = options.beta1,
                   .beta2 = options.beta2,
                   .epsilon = options.epsilon,
                   .weight_decay = range.decays ? options.weight_decay : 0.0,
                   .gradient_scale = clips ? options.clip_norm / gradient_norm : 1.0,
                   .step = step + 1},
                  end - begin,
                  {vectors.parameters + begin, vectors.gradients + begin, vectors.m + begin,
                   vectors.v + begin});
    }
  });
}

Status TrainSession::SaveOptimizer(const std::filesystem::path& path) const {
  const size_t count = state_->layout.parameter_count();
  return WriteOptimizerFile(path, {.config = ConfigDigest(state_->config),
                                   .step = state_->step,
                                   .m = {state_->vectors.m, count},
                                   .v = {state_->vectors.v, count}});
}

Status TrainSession::LoadOptimizer(const std::filesystem::path& path) {
  const size_t count = state_->layout.parameter_count();
  DURE_ASSIGN(state_->step,
              ReadOptimizerFile(path, ConfigDigest(state_->config), {state_->vectors.m, count},
                                {state_->vectors.v, count}));
  return {};
}

}  // namespace dure::model::cpu
