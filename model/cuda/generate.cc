#include <algorithm>
#include <cmath>
#include <string>

#include "model/cpu/tokens.h"
#include "model/cuda/attend.h"
#include "model/cuda/decoder.h"
#include "model/cuda/inference.h"
#include "model/cuda/load_weights.h"
#include "model/cuda/one_token.h"
#include "model/cuda/products.h"

namespace dure::model::cuda {
namespace {

// Prompts are read this many tokens at a time, which bounds the memory besides the cache.
constexpr uint32_t kTokensAtOnce = 256;

// Tokens that are made before the first of them is looked at: the device does not wait for the host
// meanwhile, and what was made behind the last one wanted is as much too many at most.
constexpr uint32_t kMadeAtOnce = 8;

template <typename T>
struct Buffers {
  T* weights;
  Cache<T> cache;
  TokenBuffers<T> one;
  uint32_t* tokens;  // [kTokensAtOnce]
  T* stream;         // [kTokensAtOnce, dim], and all below
  T* normal;
  float* inverse;
  T* qkv;
  T* attended;
  float* log_sum;
  T* gate_up;
  T* activated;
};

template <typename T>
Buffers<T> PlanBuffers(const LlamaConfig& c, uint64_t parameter_count, DevicePlan& plan) {
  Buffers<T> b{};
  const uint64_t rows = kTokensAtOnce;
  b.weights = plan.Take<T>(parameter_count);
  for (uint32_t i = 0; i < c.layers; ++i) {
    b.cache.keys.push_back(plan.Take<T>(uint64_t{c.context} * c.kv_dim()));
    b.cache.values.push_back(plan.Take<T>(uint64_t{c.context} * c.kv_dim()));
  }
  b.cache.cosine = plan.Take<float>(uint64_t{c.context} * c.head_dim() / 2);
  b.cache.sine = plan.Take<float>(uint64_t{c.context} * c.head_dim() / 2);
  b.one = PlanToken<T>(c, plan);
  b.tokens = plan.Take<uint32_t>(rows);
  b.stream = plan.Take<T>(rows * c.dim);
  b.normal = plan.Take<T>(rows * c.dim);
  b.inverse = plan.Take<float>(rows);
  b.qkv = plan.Take<T>(rows * (c.dim + uint64_t{2} * c.kv_dim()));
  b.attended = plan.Take<T>(rows * c.dim);
  b.log_sum = plan.Take<float>(rows * c.heads);
  b.gate_up = plan.Take<T>(rows * 2 * c.ffn_dim);
  b.activated = plan.Take<T>(rows * c.ffn_dim);
  return b;
}

template <typename T>
class OneGenerator final : public Generator {
 public:
  OneGenerator(Device& device, const LlamaConfig& config, std::span<const float> parameters,
               DeviceArena arena, DevicePlan plan)
      : Generator(config),
        device_(device),
        arena_(std::move(arena)),
        b_(PlanBuffers<T>(config, parameters.size(), plan)),
        weights_(cpu::WeightsOf<const T>(config, LoadWeights(device, parameters, b_.weights))),
        one_(device, config_, weights_, b_.cache, b_.one),
        logits_(config.vocab) {
    const RopeTables tables(config, config.context);
    device_.CopyIn(b_.cache.cosine, std::span<const float>(tables.cosine));
    device_.CopyIn(b_.cache.sine, std::span<const float>(tables.sine));
  }

  void Reset() override { position_ = 0; }

  Result<std::span<const float>> Advance(std::span<const uint32_t> tokens) override {
    DURE_TRY(Read(tokens));
    DURE_TRY(device_.CopyOut(std::span(logits_), b_.one.logits));
    return std::span<const float>(logits_);
  }

 private:
  Result<std::vector<uint32_t>> MakeMostLikely(
      std::span<const uint32_t> prompt, const cpu::GenerateOptions& options,
      const std::function<bool(uint32_t)>& on_token) override;
  // Queues the logits of what comes behind tokens.
  Status Read(std::span<const uint32_t> tokens);
  void ReadSome(std::span<const uint32_t> tokens);
  void ReadLayer(uint32_t layer, uint32_t rows);
  void Attend(uint32_t layer, uint32_t rows);
  void Norm(const T* x, const T* w, uint32_t rows) {
    device_.Launch<RmsNorm<T>>({x, w, b_.normal, b_.inverse, rows, config_.dim,
                                static_cast<float>(config_.norm_eps), false});
  }
  void SetState(const DecodeState& state) {
    device_.CopyIn(b_.one.state, std::span<const DecodeState>(&state, 1));
  }

  Device& device_;
  const DeviceArena arena_;
  const Buffers<T> b_;
  const cpu::Weights<const T> weights_;
  OneToken<T> one_;
  std::vector<float> logits_;
  uint32_t position_ = 0;  // tokens that were read
};

template <typename T>
Status OneGenerator<T>::Read(std::span<const uint32_t> tokens) {
  if (tokens.empty()) return Fail(ErrorCode::kInvalid, "generation: there is no token to read");
  DURE_TRY(cpu::CheckTokens(config_, tokens, {}));
  if (tokens.size() > config_.context - position_) {
    return Fail(ErrorCode::kExhausted, "generation: more tokens than the context of " +
                                           std::to_string(config_.context) + " holds");
  }
  if (tokens.size() == 1) {
    SetState({position_, tokens[0]});
    one_.Step();
    ++position_;
    return {};
  }
  for (size_t at = 0; at < tokens.size(); at += kTokensAtOnce) {
    ReadSome(tokens.subspan(at, std::min<size_t>(kTokensAtOnce, tokens.size() - at)));
  }
  one_.Head(b_.stream + (tokens.size() - 1) % kTokensAtOnce * config_.dim);
  return {};
}

template <typename T>
void OneGenerator<T>::ReadSome(std::span<const uint32_t> tokens) {
  const auto rows = static_cast<uint32_t>(tokens.size());
  device_.CopyIn(b_.tokens, tokens);
  device_.Launch<Embed<T>>({b_.tokens, weights_.embedding, b_.stream, rows, config_.dim});
  for (uint32_t i = 0; i < config_.layers; ++i) ReadLayer(i, rows);
  position_ += rows;
}

template <typename T>
void OneGenerator<T>::ReadLayer(uint32_t layer, uint32_t rows) {
  const cpu::LayerWeights<const T>& w = weights_.layers[layer];
  const uint32_t dim = config_.dim;
  const uint32_t kv_dim = config_.kv_dim();
  const uint32_t qkv_dim = dim + 2 * kv_dim;
  const uint32_t ffn = config_.ffn_dim;
  Norm(b_.stream, w.attention_norm, rows);
  Apply(device_, {rows, qkv_dim, dim}, b_.normal, w.qkv, b_.qkv);
  device_.Launch<Rope<T>>({b_.qkv, b_.cache.cosine, b_.cache.sine, rows, qkv_dim,
                           config_.heads + config_.kv_heads, config_.head_dim() / 2, rows,
                           position_, 1.0F});
  const uint64_t at = uint64_t{position_} * kv_dim;
  device_.Launch<CopyColumns<T>>({b_.qkv, b_.cache.keys[layer] + at, rows, qkv_dim, dim, kv_dim});
  device_.Launch<CopyColumns<T>>(
      {b_.qkv, b_.cache.values[layer] + at, rows, qkv_dim, dim + kv_dim, kv_dim});
  Attend(layer, rows);
  Apply(device_, {rows, dim, dim}, b_.attended, w.out, b_.stream, b_.stream);
  Norm(b_.stream, w.mlp_norm, rows);
  Apply(device_, {rows, 2 * ffn, dim}, b_.normal, w.gate_up, b_.gate_up);
  device_.Launch<SwiGlu<T>>({b_.gate_up, b_.activated, rows, ffn});
  Apply(device_, {rows, dim, ffn}, b_.activated, w.down, b_.stream, b_.stream);
}

template <typename T>
void OneGenerator<T>::Attend(uint32_t layer, uint32_t rows) {
  const uint32_t dim = config_.head_dim();
  const AttentionShape shape{.batch = 1,
                             .queries = rows,
                             .keys = position_ + rows,
                             .heads = config_.heads,
                             .kv_heads = config_.kv_heads,
                             .dim = dim,
                             .q_stride = config_.dim + 2 * config_.kv_dim(),
                             .kv_stride = config_.kv_dim(),
                             .scale = 1.0F / std::sqrt(static_cast<float>(dim))};
  cuda::Attend(device_, shape, b_.qkv, b_.cache.keys[layer], b_.cache.values[layer], b_.attended,
               b_.log_sum);
}

// As cpu::GenerateWith does it, but the tokens are chosen where the logits are.
template <typename T>
Result<std::vector<uint32_t>> OneGenerator<T>::MakeMostLikely(
    std::span<const uint32_t> prompt, const cpu::GenerateOptions& options,
    const std::function<bool(uint32_t)>& on_token) {
  std::vector<uint32_t> made;
  if (options.tokens_max == 0) return made;
  DURE_TRY(Read(prompt));
  SetState({position_ - 1, 0});
  one_.Choose();
  uint32_t next[kMadeAtOnce] = {};
  for (uint32_t count = 1; count > 0;) {
    // The first of them stands where the tokens that were read end, and is not read yet.
    DURE_TRY(device_.CopyOut(std::span(next, count), b_.one.made + position_));
    for (uint32_t i = 0; i < count; ++i) {
      if (next[i] == kNoToken) {
        return Fail(ErrorCode::kCorrupt, "generation: the model gives no finite logits");
      }
      if (options.stop_at_eos && next[i] == config_.eos_id) return made;
      made.push_back(next[i]);
      if (on_token && !on_token(next[i])) return made;
      if (i + 1 < count) ++position_;
    }
    const auto wanted = static_cast<uint32_t>(options.tokens_max - made.size());
    count = std::min({kMadeAtOnce, wanted, config_.context - position_});
    for (uint32_t i = 0; i < count; ++i) one_.Step();
    if (count > 0) ++position_;
  }
  return made;
}

template <typename T>
Result<std::unique_ptr<Generator>> Make(Device& device, const LlamaConfig& config,
                                        std::span<const float> parameters) {
  DevicePlan sum;
  (void)PlanBuffers<T>(config, parameters.size(), sum);
  DURE_ASSIGN(DeviceArena arena, DeviceArena::Create(device, sum.bytes()));
  const DevicePlan plan(arena);
  return std::make_unique<OneGenerator<T>>(device, config, parameters, std::move(arena), plan);
}

}  // namespace

Result<std::unique_ptr<Generator>> Generator::Create(Device& device, const LlamaConfig& config,
                                                     NumberType numbers,
                                                     std::span<const float> parameters) {
  DURE_TRY(CheckWeights(config, parameters));
  return numbers == NumberType::kBf16 ? Make<Bf16>(device, config, parameters)
                                      : Make<float>(device, config, parameters);
}

Result<std::vector<uint32_t>> Generator::Generate(std::span<const uint32_t> prompt,
                                                  const cpu::GenerateOptions& options,
                                                  const std::function<bool(uint32_t)>& on_token) {
  Reset();
  if (options.temperature == 0.0) return MakeMostLikely(prompt, options, on_token);
  return cpu::GenerateWith(
      config_, [this](std::span<const uint32_t> tokens) { return Advance(tokens); }, prompt,
      options, on_token);
}

}  // namespace dure::model::cuda
