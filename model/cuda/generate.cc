#include <algorithm>
#include <cmath>
#include <string>

#include "model/cpu/tokens.h"
#include "model/cuda/attend.h"
#include "model/cuda/decoder.h"
#include "model/cuda/inference.h"
#include "model/cuda/load_weights.h"
#include "model/cuda/products.h"

namespace dure::model::cuda {
namespace {

// Prompts are read this many tokens at a time, which bounds the memory besides the cache.
constexpr uint32_t kTokensAtOnce = 256;

template <typename T>
struct Buffers {
  T* weights;
  std::vector<T*> keys;    // a layer: [context, kv_dim]
  std::vector<T*> values;  // a layer: [context, kv_dim]
  uint32_t* tokens;        // [kTokensAtOnce]
  T* stream;               // [kTokensAtOnce, dim], and all below
  T* normal;
  float* inverse;
  T* qkv;
  T* attended;
  float* log_sum;
  T* gate_up;
  T* activated;
  float* parts;   // of DecodeSplit
  float* logits;  // [vocab]
  float* cosine;  // [context, head_dim / 2]
  float* sine;
};

template <typename T>
Buffers<T> PlanBuffers(const LlamaConfig& c, uint64_t parameter_count, DevicePlan& plan) {
  Buffers<T> b{};
  const uint64_t rows = kTokensAtOnce;
  b.weights = plan.Take<T>(parameter_count);
  for (uint32_t i = 0; i < c.layers; ++i) {
    b.keys.push_back(plan.Take<T>(uint64_t{c.context} * c.kv_dim()));
    b.values.push_back(plan.Take<T>(uint64_t{c.context} * c.kv_dim()));
  }
  b.tokens = plan.Take<uint32_t>(rows);
  b.stream = plan.Take<T>(rows * c.dim);
  b.normal = plan.Take<T>(rows * c.dim);
  b.inverse = plan.Take<float>(rows);
  b.qkv = plan.Take<T>(rows * (c.dim + uint64_t{2} * c.kv_dim()));
  b.attended = plan.Take<T>(rows * c.dim);
  b.log_sum = plan.Take<float>(rows * c.heads);
  b.gate_up = plan.Take<T>(rows * 2 * c.ffn_dim);
  b.activated = plan.Take<T>(rows * c.ffn_dim);
  b.parts =
      plan.Take<float>(uint64_t{c.heads} * CeilDiv(c.context, kDecodeKeys) * (2 + c.head_dim()));
  b.logits = plan.Take<float>(c.vocab);
  b.cosine = plan.Take<float>(uint64_t{c.context} * c.head_dim() / 2);
  b.sine = plan.Take<float>(uint64_t{c.context} * c.head_dim() / 2);
  return b;
}

// y = x wᵀ of `rows` rows, plus the residual y has: a product, or for one row a pass over w.
template <typename T>
void Multiply(Device& device, const Linear& size, const T* x, const T* w, T* y, bool adds) {
  if (size.rows > 1) return Apply<T, T>(device, size, x, w, y, adds ? y : nullptr);
  device.Launch<MatrixVector<T, T>>({w, x, y, size.out, size.in, adds});
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
        logits_(config.vocab) {
    const RopeTables tables(config, config.context);
    device_.CopyIn(b_.cosine, std::span<const float>(tables.cosine));
    device_.CopyIn(b_.sine, std::span<const float>(tables.sine));
  }

  void Reset() override { position_ = 0; }

  Result<std::span<const float>> Advance(std::span<const uint32_t> tokens) override {
    if (tokens.empty()) return Fail(ErrorCode::kInvalid, "generation: there is no token to read");
    DURE_TRY(cpu::CheckTokens(config_, tokens, {}));
    if (tokens.size() > config_.context - position_) {
      return Fail(ErrorCode::kExhausted, "generation: more tokens than the context of " +
                                             std::to_string(config_.context) + " holds");
    }
    for (size_t at = 0; at < tokens.size(); at += kTokensAtOnce) {
      Read(tokens.subspan(at, std::min<size_t>(kTokensAtOnce, tokens.size() - at)));
    }
    DURE_TRY(device_.CopyOut(std::span(logits_), b_.logits));
    return std::span<const float>(logits_);
  }

 private:
  void Read(std::span<const uint32_t> tokens);
  void ReadLayer(uint32_t layer, uint32_t rows);
  void Attend(uint32_t layer, uint32_t rows);
  void Norm(const T* x, const T* w, uint32_t rows) {
    device_.Launch<RmsNorm<T>>({x, w, b_.normal, b_.inverse, rows, config_.dim,
                                static_cast<float>(config_.norm_eps), false});
  }

  Device& device_;
  const DeviceArena arena_;
  const Buffers<T> b_;
  const cpu::Weights<const T> weights_;
  std::vector<float> logits_;
  uint32_t position_ = 0;
};

template <typename T>
void OneGenerator<T>::Read(std::span<const uint32_t> tokens) {
  const auto rows = static_cast<uint32_t>(tokens.size());
  const uint32_t dim = config_.dim;
  device_.CopyIn(b_.tokens, tokens);
  device_.Launch<Embed<T>>({b_.tokens, weights_.embedding, b_.stream, rows, dim});
  for (uint32_t i = 0; i < config_.layers; ++i) ReadLayer(i, rows);
  position_ += rows;
  Norm(b_.stream + uint64_t{rows - 1} * dim, weights_.norm, 1);
  device_.Launch<MatrixVector<T, float>>(
      {weights_.head, b_.normal, b_.logits, config_.vocab, dim, false});
}

template <typename T>
void OneGenerator<T>::ReadLayer(uint32_t layer, uint32_t rows) {
  const cpu::LayerWeights<const T>& w = weights_.layers[layer];
  const uint32_t dim = config_.dim;
  const uint32_t kv_dim = config_.kv_dim();
  const uint32_t qkv_dim = dim + 2 * kv_dim;
  const uint32_t ffn = config_.ffn_dim;
  Norm(b_.stream, w.attention_norm, rows);
  Multiply(device_, {rows, qkv_dim, dim}, b_.normal, w.qkv, b_.qkv, false);
  device_.Launch<Rope<T>>({b_.qkv, b_.cosine, b_.sine, rows, qkv_dim,
                           config_.heads + config_.kv_heads, config_.head_dim() / 2, rows,
                           position_, 1.0F});
  const uint64_t at = uint64_t{position_} * kv_dim;
  device_.Launch<CopyColumns<T>>({b_.qkv, b_.keys[layer] + at, rows, qkv_dim, dim, kv_dim});
  device_.Launch<CopyColumns<T>>(
      {b_.qkv, b_.values[layer] + at, rows, qkv_dim, dim + kv_dim, kv_dim});
  Attend(layer, rows);
  Multiply(device_, {rows, dim, dim}, b_.attended, w.out, b_.stream, true);
  Norm(b_.stream, w.mlp_norm, rows);
  Multiply(device_, {rows, 2 * ffn, dim}, b_.normal, w.gate_up, b_.gate_up, false);
  device_.Launch<SwiGlu<T>>({b_.gate_up, b_.activated, rows, ffn});
  Multiply(device_, {rows, dim, ffn}, b_.activated, w.down, b_.stream, true);
}

template <typename T>
void OneGenerator<T>::Attend(uint32_t layer, uint32_t rows) {
  const uint32_t keys = position_ + rows;
  const uint32_t dim = config_.head_dim();
  const float scale = 1.0F / std::sqrt(static_cast<float>(dim));
  if (rows == 1) {
    const uint32_t splits = CeilDiv(keys, kDecodeKeys);
    device_.Launch<DecodeSplit<T>>({b_.qkv, b_.keys[layer], b_.values[layer], b_.parts, keys,
                                    config_.heads, config_.kv_heads, dim, scale});
    device_.Launch<DecodeJoin<T>>({b_.parts, b_.attended, splits, config_.heads, dim});
    return;
  }
  const AttentionShape shape{.batch = 1,
                             .queries = rows,
                             .keys = keys,
                             .heads = config_.heads,
                             .kv_heads = config_.kv_heads,
                             .dim = dim,
                             .q_stride = config_.dim + 2 * config_.kv_dim(),
                             .kv_stride = config_.kv_dim(),
                             .scale = scale};
  cuda::Attend(device_, shape, b_.qkv, b_.keys[layer], b_.values[layer], b_.attended, b_.log_sum);
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
  return cpu::GenerateWith(
      config_, [this](std::span<const uint32_t> tokens) { return Advance(tokens); }, prompt,
      options, on_token);
}

}  // namespace dure::model::cuda
