// One step of DP-SGD (Abadi et al. 2016): each sequence's gradient by itself, cut to a norm; noise
// on their sum.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "federation/noise/secret_random.h"
#include "model/cpu/gaussian_noise.h"
#include "model/cpu/tokens.h"
#include "model/cpu/train_state.h"

namespace dure::model::cpu {
namespace {

// More than the error of a norm that is summed in float by blocks of 1024.
constexpr double kNormMargin = 1e-4;

Status Refuse(const std::string& why) { return Fail(ErrorCode::kInvalid, "training: " + why); }

// By what a gradient of this norm is multiplied; 0 for one that is not a number: it is left out,
// which no other sequence can tell.
float RecordFactor(double norm, double clip) {
  if (!std::isfinite(norm)) return 0;
  const double most = norm * (1 + kNormMargin);
  return most <= clip ? 1.0F : static_cast<float>(clip / most * (1 - 1e-6));
}

}  // namespace

Result<double> TrainSession::State::AddRecord(std::span<const uint32_t> inputs,
                                              std::span<const uint32_t> targets) {
  // By the sequence's length, whatever of it is predicted: a constant of the run.
  const float scale = 1.0F / static_cast<float>(options.sequence);
  memory.BeginStep(workers);
  const double loss = transformer.LossAndGradient(workers, memory.weights(), {inputs, targets},
                                                  scale, memory.gradients(), memory.hooks());
  DURE_ASSIGN(const double squares, memory.SquaredNorm(workers));
  const float factor = RecordFactor(std::sqrt(squares), options.record_clip);
  if (factor == 0) return 0;
  const float* const gradient = memory.owned().front().gradients;
  ForShares([this, factor, gradient](Share share, uint32_t) {
    for (size_t i = share.begin; i < share.end; ++i) summed[i] += factor * gradient[i];
  });
  return loss;
}

void TrainSession::State::NoiseSum(double expected_rows, Random& random) {
  std::vector<noise::SecretRandom::Key> keys(workers.size());
  for (auto& key : keys) random.Fill(key);
  const double deviation = options.record_noise * options.record_clip;
  const auto divisor = static_cast<float>(expected_rows);
  float* const gradient = memory.owned().front().gradients;
  ForShares([&](Share share, uint32_t worker) {
    const std::span<float> sum(summed.data() + share.begin, share.size());
    if (deviation > 0) {
      noise::SecretRandom chance(keys[worker]);
      AddGaussianNoise(deviation, chance, sum);
    }
    for (size_t i = 0; i < sum.size(); ++i) gradient[share.begin + i] = sum[i] / divisor;
  });
}

Result<StepResult> TrainSession::PrivateStep(std::span<const uint32_t> inputs,
                                             std::span<const uint32_t> targets,
                                             double expected_rows, Random& random) {
  State& s = *state_;
  const size_t sequence = s.options.sequence;
  if (!s.is_loaded) return Fail(ErrorCode::kFailedPrecondition, "training: no parameters loaded");
  if (s.gang.world() != 1) return Fail(Refuse("a gang makes no private steps").error());
  if (!(s.options.record_clip > 0)) return Fail(Refuse("the session has no record_clip").error());
  if (inputs.size() % sequence != 0 || targets.size() != inputs.size()) {
    return Fail(Refuse("a private step takes whole sequences").error());
  }
  if (!(expected_rows > 0 && std::isfinite(expected_rows))) {
    return Fail(Refuse("some sequences must be expected").error());
  }
  if (!inputs.empty()) DURE_TRY(CheckTokens(s.config, inputs, targets));
  s.summed.assign(s.layout.parameter_count(), 0.0F);
  double loss = 0;
  for (size_t at = 0; at < inputs.size(); at += sequence) {
    DURE_ASSIGN(const double one,
                s.AddRecord(inputs.subspan(at, sequence), targets.subspan(at, sequence)));
    loss += one;
  }
  s.NoiseSum(expected_rows, random);
  DURE_ASSIGN(const double squares, s.memory.SquaredNorm(s.workers));
  const double drawn = static_cast<double>(inputs.size());
  StepResult result{
      .loss = drawn > 0 ? loss / drawn : 0,
      .gradient_norm = std::sqrt(squares),
      .learning_rate = LearningRate(s.options.schedule, s.step),
      .tokens = static_cast<uint64_t>(std::llround(expected_rows * static_cast<double>(sequence)))};
  if (!std::isfinite(result.gradient_norm)) {
    return Fail(ErrorCode::kCorrupt,
                "training: the gradient is not finite at step " + std::to_string(s.step));
  }
  s.Update(result.learning_rate, 0);
  result.step = ++s.step;
  return result;
}

}  // namespace dure::model::cpu
